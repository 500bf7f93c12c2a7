from evergrid.core.text.nearest import did_you_mean, nearest


def test_a_mistyped_name_is_told_the_known_one():
    assert nearest("hostng_capacity", ["plan", "hosting_capacity"]) == "hosting_capacity"
    assert did_you_mean("plam", ["plan", "volt_var"]) == "Did you mean plan?"


def test_a_name_like_none_has_no_suggestion():
    assert nearest("xyz", ["plan", "volt_var"]) is None
    assert did_you_mean("xyz", ["plan", "volt_var"]) == ""
