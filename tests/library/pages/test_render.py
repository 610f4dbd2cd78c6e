"""A template is filled in whole, or not at all; a project's own goes before the library's."""

from dataclasses import replace
from pathlib import Path

import pytest
from jinja2 import UndefinedError
from ml_lifecycle.pages.render import render
from world import project_at


def test_a_template_says_when_a_value_is_not_there(tmp_path: Path) -> None:
    project = project_at(tmp_path)
    assert project.page("report.html").is_file()
    with pytest.raises(UndefinedError, match="evaluation"):
        render(project, "report.html", title="A model", lead="")


def test_a_template_of_the_project_goes_before_the_librarys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = tmp_path / "with_own_pages" / "pages"
    pages.mkdir(parents=True)
    (pages.parent / "__init__.py").touch()
    ours = "{% extends 'base.html' %}{% block body %}Ours: {{ title }}{% endblock %}"
    (pages / "report.html").write_text(ours, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    project = replace(project_at(tmp_path), package="with_own_pages")
    assert "Ours: &lt;A model&gt;" in render(project, "report.html", title="<A model>", lead="")
