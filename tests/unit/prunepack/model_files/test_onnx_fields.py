"""Field numbers of ONNX messages against the protobuf descriptors of `onnx`."""

import onnx
import pytest

from prunepack.model_files import onnx_fields


@pytest.mark.parametrize("message", onnx_fields.__all__)
def test_the_numbers_are_those_of_onnx(message):
    known = getattr(onnx, f"{message}Proto").DESCRIPTOR.fields_by_name
    numbers = {name: n for name, n in vars(getattr(onnx_fields, message)).items() if name.isupper()}
    if message == "Tensor":
        assert numbers.pop("EXTERNAL") == onnx.TensorProto.EXTERNAL
    assert numbers == {name: known[name.lower()].number for name in numbers}
