from dataclasses import replace
from decimal import Decimal

import pytest

from edgepack.report.text import render_text
from edgepack.report.wording import figure


def test_a_good_report_reads_well_in_a_pipe(good):
    lines = render_text(good).splitlines()
    assert lines[0] == "tiny for android: passed, 2 of 2 artifacts proven"
    header = next(line for line in lines if line.startswith("artifact"))
    assert header.split() == ["artifact", "on", "size", "error", "rtol", "cosine", "dB", "verdict"]
    (near,) = (line.split() for line in lines if line.startswith("tflite/float32 "))
    assert near[1:4] == ["host", "14.0", "MB"]
    assert near[-1] == "passed"
    assert "  torch_lite/int8: a plain ONNX model has no TorchScript" in lines
    assert "  tflite/float32 by direct: refuses operator Foo" in lines
    assert "  output boxes is the same over all cases" in lines
    assert "Allowed: float32 |got - ref| <= 1e-06 + rtol * max|ref| with rtol 0.0001" in lines
    assert "Time: load 3.1 s, make tflite/float32 (direct) 1.0 s" in lines
    assert "Made with: Linux x86_64, onnx2tf 2.6.9, torch 2.9.1" in lines
    assert "What failed" not in lines
    assert all(line == line.rstrip() for line in lines)


def test_a_bad_report_says_what_by_how_much_and_what_to_try(bad):
    text = render_text(bad)
    assert text.startswith("tiny for android: FAILED, 0 of 3 artifacts proven\n")
    needed = figure(bad.results[1].comparisons[0].needed_relative)
    assert "torch_lite/float32 on arm64 (pytorch_android_lite 1.12.2) computes something else" in text
    assert f"the smallest relative tolerance that would pass is {needed}, cosine 0." in text
    assert "Try: building again" in text
    assert "torch_lite/float16 on host (torch 2.9.1) did not run: crashed: killed by SIGILL" in text
    assert "logits: output is missing; no tolerance would make it pass" in text
    assert "Try: --keep-failed DIR" in text
    assert (
        "tflite/float32 by <b>tf</b>: operator Foo & co at /layer1/conv\n    Try: replace Foo by Bar\n"
        in text
    )
    assert "    | 99\n" in text
    assert "    | 5\n" not in text


def test_the_nearest_file_of_an_artifact_that_was_not_made_is_in_the_table(bad):
    nearest = max(one.needed_relative for one in bad.failures[0].comparisons)
    (row,) = (line for line in render_text(bad).splitlines() if line.startswith("tflite/float32 "))
    assert figure(nearest) in row.split()
    assert row.endswith("FAILED")


@pytest.mark.parametrize("name", ["good", "bad"])
def test_it_fits_into_eighty_columns_with_names_whole(request, name):
    text = render_text(request.getfixturevalue(name), width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert "torch_lite/float32" in text


def test_a_pipe_gets_no_control_sequences(bad, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    text = render_text(bad)
    assert "red ]0;title<script>" in text
    assert not set(text) & {chr(code) for code in range(32)} - {"\n"}
    coloured = render_text(bad, width=80, color=True)
    assert "\x1b[1;31mtiny for android" in coloured
    assert "\x07" not in coloured


def test_markup_in_names_is_shown_as_it_is(good):
    report = replace(good, warnings=("[bold]x[/bold] :smile: [/]",))
    assert "  [bold]x[/bold] :smile: [/]\n" in render_text(report)


@pytest.mark.parametrize("value", [4.2, 3.41e-7, 0.0999, 1.0, 0.0, 1e-300, 123456.0])
def test_a_tolerance_as_shown_would_still_pass(value):
    shown = Decimal(figure(value))
    assert Decimal(repr(value)) <= shown <= Decimal(repr(value)) * Decimal("1.1")


def test_an_infinite_figure_is_shown_as_such():
    assert figure(float("inf")) == "inf"


def test_answers_and_accuracy_stand_in_the_table_and_gates_below(quantised):
    lines = render_text(quantised).splitlines()
    (row,) = (line.split() for line in lines if line.startswith("tflite/int8 "))
    assert row[-4:] == ["94.0", "92.5", "-2.50", "FAILED"]
    (row,) = (line.split() for line in lines if line.startswith("tflite/dynamic "))
    assert row[-4:] == ["94.0", "94.5", "-0.50", "passed"]
    shortfall = "accuracy falls by 2.50 points to 92.5% on 200 labelled samples, 1 are allowed"
    assert f"  tflite/int8 on host (torch 2.9.1): {shortfall}" in lines
    assert "int8 SNR >= 20 dB, top answers the same in 90.0%, at most 1 points less accuracy" in lines[-1]
    assert "  tflite/dynamic: /conv/8" in lines
    assert "  tflite/float16 is no smaller than tflite/float32" in lines


def test_a_quantised_failure_names_the_worst_layers_and_no_relative_tolerance(quantised):
    text = render_text(quantised)
    worst = [line.split()[1] for line in text.splitlines() if "of its signal" in line]
    assert worst == ["/conv/8", "/conv/7", "/conv/6"]
    assert "smallest relative tolerance" not in text


def test_a_narrow_terminal_does_without_the_least_of_the_figures(quantised):
    text = render_text(quantised, width=80)
    header = next(line for line in text.splitlines() if line.startswith("artifact"))
    assert header.split() == ["artifact", "on", "size", "cosine", "dB", "top", "%", "%", "points", "verdict"]
    assert max(map(len, text.splitlines())) <= 80
    assert "rtol" in render_text(quantised)


def test_operators_are_counted_and_those_that_only_move_data_named(good):
    counts = {"tflite/float32": {"ADD@1": 3, "TRANSPOSE@2": 2}, "tflite/int8": {"ADD@2": 3}}
    lines = render_text(replace(good, operators=counts)).splitlines()
    assert "Operators: tflite/float32 5, 2 TRANSPOSE; tflite/int8 3" in lines
