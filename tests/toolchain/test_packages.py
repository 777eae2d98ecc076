"""What doctor says of packages, against the packages that are really here."""

import re
from importlib.metadata import metadata, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from edgepack.toolchain.packages import EXTRAS, TESTED, Extra, _look_up, look_up_extras, missing_tool

LOCK = Path(__file__).parents[2] / "requirements" / "lock.txt"


def test_the_tested_releases_are_those_of_the_lock():
    locked = dict(re.findall(r"^([\w.-]+)==(\S+)", LOCK.read_text(), re.MULTILINE))
    assert {name: locked[name] for name in TESTED} == TESTED


def test_every_extra_that_the_package_offers_is_told_of():
    offered = metadata("edgepack").get_all("Provides-Extra")
    assert set(offered) - {"all"} == set(EXTRAS) - {""}


def test_every_extra_is_complete_where_the_tests_run():
    extras = {extra.name: extra for extra in look_up_extras()}
    for extra in extras.values():
        assert extra.packages, extra.name
        assert extra.complete, extra
    found = {package.name: package.found for package in extras["tflite"].packages}
    assert found["onnx2tf"] == version("onnx2tf")
    assert "tensorflow" in {package.name for package in extras["tensorflow"].packages}, "an extra of an extra"
    assert "torch" not in {package.name for package in extras[""].packages}


@pytest.mark.parametrize(
    ("requirement", "fits"), [("click>=8", True), ("click>=99", False), ("no-such-package-at-all", False)]
)
def test_an_extra_is_incomplete_when_a_package_is_missing_or_of_another_release(requirement, fits):
    extra = Extra("tflite", "", (_look_up(Requirement(requirement)),))
    assert extra.complete is fits
    assert extra.command == "pip install 'edgepack[tflite]'"


@pytest.mark.parametrize(
    ("module", "hint"),
    [
        ("torch._C", "pip install 'edgepack[torch]'"),
        ("ai_edge_litert.interpreter", "pip install 'edgepack[tflite]'"),
        ("tensorflow", "pip install 'edgepack[tensorflow]'"),
        ("matplotlib.figure", "pip install 'edgepack[plots]'"),
        ("jsonschema", "pip install edgepack"),
    ],
)
def test_a_missing_module_names_the_extra(module, hint):
    error = missing_tool(module)
    assert error.hint == hint
    assert error.exit_code == 5


def test_a_module_that_no_extra_brings_is_not_ours_to_explain():
    assert missing_tool("my_own_code") is None
