"""A module of figures is not called like a figure: an import of one would hide the other."""

import pkgutil

from evergrid.report import figures


def test_no_module_is_called_like_the_figure_that_it_draws():
    found = pkgutil.walk_packages(figures.__path__, f"{figures.__name__}.")
    modules = {module.name.rsplit(".", 1)[-1] for module in found}
    assert len(modules) > 5
    assert modules & set(figures.__all__) == set()
