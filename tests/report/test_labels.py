from evergrid.report import labels


def test_literal_text_holds_no_tag():
    assert labels.literal("<b>&lt;") == "&lt;b&gt;&amp;lt;"


def test_short_names_stay_and_long_ones_keep_both_ends():
    assert labels.shortened("ev-1") == "ev-1"
    short = labels.shortened("depot-north/" + "x" * 90 + "/charger-17", 26)
    assert len(short) == 26
    assert short.startswith("depot-north/")
    assert short.endswith("er-17")


def test_wrapped_labels_break_between_words_and_stay_literal():
    assert labels.wrapped("V2G energy trading") == "V2G energy<br>trading"
    assert labels.wrapped("<b> bold") == "&lt;b&gt; bold"
    assert labels.wrapped("") == ""


def test_amounts_have_groups_a_true_minus_and_no_negative_zero():
    assert labels.amount(-1234.5) == "\u22121,234"
    assert labels.amount(12.345, signed=True, decimals=2) == "+12.35"
    assert labels.amount(-0.001, signed=True, decimals=2) == "0.00"


def test_price_title_names_money_per_energy():
    assert labels.price_title("NOK", "Shadow price") == "Shadow price<br>(NOK/MWh)"


def test_notes_become_sentences_and_empty_ones_vanish():
    assert labels.joined("One", "", "Two.") == "One. Two."
    assert labels.joined("") == ""


def test_literal_text_holds_nothing_that_turns_the_direction_of_writing():
    assert labels.literal("a\u202eb\x1b") == r"a\u202eb\x1b"
