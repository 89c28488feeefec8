"""The user's own samples: what fits is taken as it is, and what does not is named."""

import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.data.user_samples import read_samples

INPUTS = (InputSpec(name="x", shape=(2,)), InputSpec(name="ids", shape=(3,), dtype="int64"))
X, IDS = np.array([[1, 2], [3, 4]], np.float32), np.array([[1, 2, 3], [4, 5, 6]])
EITHER = "an .npz or .npy file, a folder of ONNX test data, module:function or file.py:function"


@pytest.fixture
def npz(tmp_path):
    def npz(**arrays):
        np.savez(tmp_path / "own.npz", **arrays)
        return str(tmp_path / "own.npz")

    return npz


@pytest.fixture
def test_data(tmp_path):
    """Writes sets of tensors as ONNX's own tests have them."""

    def test_data(*sets):
        for number, tensors in enumerate(sets):
            folder = tmp_path / "data" / f"test_data_set_{number}"
            folder.mkdir(parents=True)
            for index, array in enumerate(tensors):
                tensor = numpy_helper.from_array(array)
                (folder / f"input_{index}.pb").write_bytes(tensor.SerializeToString())
        return str(tmp_path / "data")

    return test_data


def read(source, inputs=INPUTS):
    """All samples of each source in one batch, which is named as the source is."""
    return [next(source.batches(1000)) for source in read_samples(source, inputs)]


def same(found, **arrays):
    assert list(found.arrays) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array, strict=True)


def test_an_npz(npz):
    (found,) = read(npz(ids=IDS, x=X), INPUTS)
    same(found, x=X, ids=IDS)
    assert found.labels is None
    assert len(found) == 2


def test_labels_in_an_npz(npz):
    (found,) = read(npz(ids=IDS, x=X, labels=np.array([7, 8])), INPUTS)
    assert found.labels.tolist() == [7, 8]


def test_an_input_that_is_called_labels(npz):
    inputs = (InputSpec(name="labels", shape=(2,)),)
    (found,) = read(npz(labels=X), inputs)
    same(found, labels=X)
    assert found.labels is None


def test_a_cast_that_loses_nothing_is_made(npz):
    (found,) = read(npz(ids=IDS.astype(np.float64), x=X.astype(np.float64)), INPUTS)
    same(found, x=X, ids=IDS)


def test_a_function(write):
    where = write("def samples():\n    return {'ids': [[1, 2, 3]], 'x': [[1.5, 2.5]]}\n")
    (found,) = read(f"{where}samples", INPUTS)
    same(found, x=np.array([[1.5, 2.5]], np.float32), ids=np.array([[1, 2, 3]]))


def test_onnx_test_data(test_data):
    first, second = read(test_data((X, IDS), (X[:1], IDS[:1])), INPUTS)
    same(first, x=X, ids=IDS)
    same(second, x=X[:1], ids=IDS[:1])


def test_one_set_of_onnx_test_data(test_data):
    (found,) = read(f"{test_data((X, IDS))}/test_data_set_0", INPUTS)
    same(found, x=X, ids=IDS)


def test_sets_are_in_the_order_of_their_numbers(test_data):
    found = read(test_data(*[(X, IDS)] * 11), INPUTS)
    assert [one.source.rpartition("_")[2] for one in found] == [str(n) for n in range(11)]


def test_batches(npz):
    (found,) = read_samples(npz(ids=IDS, x=X, labels=np.array([7, 8])), INPUTS)
    one, two = found.batches(1)
    same(one, x=X[:1], ids=IDS[:1])
    same(two, x=X[1:], ids=IDS[1:])
    assert (one.labels.tolist(), two.labels.tolist()) == ([7], [8])
    assert (len(found.first(1)), len(found.first(9))) == (1, 2)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": X}, "does not fit the model: expected an array for each of x, ids, found x"),
        (
            {"x": X, "ids": IDS, "y": X},
            "does not fit the model: expected an array for each of x, ids, found ids, x, y",
        ),
        ({}, "does not fit the model: expected an array for each of x, ids, found no array"),
        (
            {"x": X[:0], "ids": IDS[:0]},
            "holds no samples that can be run: expected the same number for each input, and at "
            "least one, found 0 of x, 0 of ids. Return one label per sample, and "
            "as many samples for each input",
        ),
        (
            {"x": X, "ids": IDS[:1]},
            "holds no samples that can be run: expected the same number for each input, and at "
            "least one, found 2 of x, 1 of ids. Return one label per sample, and "
            "as many samples for each input",
        ),
        (
            {"x": X, "ids": IDS, "labels": np.array(3)},
            "holds no samples that can be run: expected the same number for each input, and at "
            "least one, found 2 of x, 2 of ids, 0 of labels. Return one label per sample, and "
            "as many samples for each input",
        ),
        (
            {"x": X[0], "ids": IDS},
            "does not fit the input `x`: expected float32[n, 2], found float32[2]. Correct the "
            "shape in load.inputs, or give samples of that shape",
        ),
        (
            {"x": X, "ids": IDS + 0.5},
            "does not fit the input `ids`: expected int64, or values that int64 holds exactly, "
            "found float64 with the value 1.5. Correct the dtype in load.inputs, or give whole "
            "numbers",
        ),
    ],
)
def test_samples_that_do_not_fit(npz, arrays, message, says):
    path = npz(**arrays)
    with says(RefusedError, f"{path} {message}"):
        read_samples(path, INPUTS)


@pytest.mark.parametrize(
    ("name", "found"), [("no.npz", "nothing of that name"), ("file.csv", "a file of another kind")]
)
def test_there_is_no_such_file(tmp_path, name, found, says):
    (tmp_path / "file.csv").write_text("1,2")
    with says(
        UsageError, f"`{tmp_path / name}` gives no samples: expected {EITHER}, found {found}"
    ):
        read_samples(str(tmp_path / name), INPUTS)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 no more", b"plain text"])
def test_a_damaged_npz(tmp_path, data):
    path = tmp_path / "own.npz"
    path.write_bytes(data)
    with pytest.raises(RefusedError, match=r"own\.npz` cannot be read: expected an \.npz of plain"):
        read_samples(str(path), INPUTS)


def test_an_npz_with_a_flipped_byte(npz):
    path = npz(x=X, ids=IDS)
    data = bytearray(Path(path).read_bytes())
    data[data.index(b"\x93NUMPY") + 1] ^= 1
    Path(path).write_bytes(data)
    with pytest.raises(
        RefusedError, match=r"cannot be read: expected an \.npz of plain arrays, found"
    ):
        read_samples(path, INPUTS)


def test_a_single_array_under_the_name_of_an_npz(tmp_path):
    with (tmp_path / "own.npz").open("wb") as file:
        np.save(file, X)
    with pytest.raises(
        RefusedError, match=r"cannot be read: expected an \.npz of plain arrays, found"
    ):
        read_samples(str(tmp_path / "own.npz"), INPUTS)


def test_an_archive_of_other_things(tmp_path, says):
    path = tmp_path / "own.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", b"no array")
    with says(
        RefusedError,
        f"`{path}` cannot be read: expected an .npz of plain arrays, found a bytes",
    ):
        read_samples(str(path), INPUTS)


def test_an_npz_with_a_pickle_in_it(npz):
    with pytest.raises(
        RefusedError, match=r"cannot be read: expected an \.npz of plain arrays, found"
    ):
        read_samples(npz(x=np.array([{}], object), ids=IDS), INPUTS)


def test_a_function_that_fails(write, says):
    where = write("def samples():\n    return 1 / 0\n\n\ndef none():\n    return None\n")
    expected = "expected a mapping from each input's name to an array, samples first"
    with says(
        UsageError,
        f"`{where}samples()` gave no samples: {expected}, found ZeroDivisionError: "
        f"division by zero",
    ):
        read_samples(f"{where}samples", INPUTS)
    with pytest.raises(UsageError, match=r"is not a split of a dataset: .*, found nothing"):
        read_samples(f"{where}none", INPUTS)


def test_a_folder_of_something_else(tmp_path, says):
    expected = "expected test_data_set_N/input_K.pb"
    with says(
        RefusedError, f"`{tmp_path}` holds no ONNX test data: {expected}, found an empty folder"
    ):
        read_samples(str(tmp_path), INPUTS)
    (tmp_path / "a.txt").write_text("")
    with says(RefusedError, f"`{tmp_path}` holds no ONNX test data: {expected}, found a.txt"):
        read_samples(str(tmp_path), INPUTS)


def test_a_set_with_too_few_or_too_many_tensors(test_data):
    folder = f"{test_data((X,), (X, IDS, X))}/test_data_set_"
    with pytest.raises(RefusedError, match=r"for each of x, ids, found x$"):
        read_samples(f"{folder}0", INPUTS)
    with pytest.raises(RefusedError, match=r"for each of x, ids, found ids, input_2\.pb, x$"):
        read_samples(f"{folder}1", INPUTS)


@pytest.mark.parametrize(
    "data", [b"\xff\xff", b"", onnx.TensorProto(data_type=99).SerializeToString()]
)
def test_a_tensor_that_is_none(test_data, tmp_path, data):
    folder = test_data((X, IDS))
    (tmp_path / "data/test_data_set_0/input_1.pb").write_bytes(data)
    with pytest.raises(
        RefusedError, match=r"input_1\.pb` cannot be read: expected a tensor in proto"
    ):
        read_samples(folder, INPUTS)
