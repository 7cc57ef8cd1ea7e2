"""Compiling where there is a compiler, and saying so where there is none."""

import logging

import pytest
import torch

from tests.small_models import small_model, small_stream
from train.models.compiled import compile_backbone


def test_without_a_compiler_the_log_says_so(monkeypatch, caplog):
    monkeypatch.setenv("CXX", "no-such-compiler")
    model = small_model("ctrgcn")

    with caplog.at_level(logging.WARNING):
        is_compiled = compile_backbone(model, torch.device("cpu"))

    assert not is_compiled
    assert "no C++ compiler (no-such-compiler) is on the path" in caplog.text
    model(small_stream())  # goes on without it


def test_a_compiler_that_fails_is_no_compiler(monkeypatch, caplog):
    def fail(function):
        def compiled(x):
            raise RuntimeError("header not found\nat great length")

        return compiled

    monkeypatch.setenv("CXX", "true")  # a program that is there
    monkeypatch.setattr(torch, "compile", fail)

    with caplog.at_level(logging.WARNING):
        assert not compile_backbone(small_model("ctrgcn"), torch.device("cpu"))

    assert caplog.text.strip().endswith("header not found")


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # the compiler's own
@torch.no_grad()
def test_compiled_numbers_are_the_eager_ones():
    model, compiled = (small_model("ctrgcn").eval() for _ in range(2))
    if not compile_backbone(compiled, torch.device("cpu")):
        pytest.skip("no compiler here")
    stream = small_stream()
    only_first = torch.tensor([[True, False]] * 3)

    assert list(compiled.state_dict()) == list(model.state_dict())
    torch.testing.assert_close(compiled(stream), model(stream), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(compiled(stream, only_first), model(stream, only_first), rtol=1e-4, atol=1e-4)
