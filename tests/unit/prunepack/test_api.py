"""The public names of `prunepack`: their signatures and fields against `api.txt`.

After an intended change: python tests/unit/prunepack/test_api.py > tests/unit/prunepack/api.txt
"""

import inspect
import re
from functools import cached_property
from pathlib import Path

import prunepack
from prunepack.reading.tensor_mapping import TensorMapping

PARTS = {"Artifact": (TensorMapping,)}
"""Private bases, whose members are public in the classes that have them."""

RECORDED = Path(__file__).with_name("api.txt")


def describe_api():
    names = (name for name in prunepack.__all__ if name != "__version__")
    return "\n".join("\n".join(_describe(name, getattr(prunepack, name))) for name in names) + "\n"


def _describe(name, value):
    if inspect.isfunction(value):
        return [f"def {name}{_signature(value)}"]
    if not inspect.isclass(value):
        return [f"{name} = {value}"]
    bases = ", ".join(base.__name__ for base in value.__bases__)
    members = [line for kind in (value, *PARTS.get(name, ())) for line in _describe_members(kind)]
    return [f"class {name}({bases})", *(f"    {line}" for line in members)]


def _describe_members(kind):
    yield from (f"{name}: documented" for name in _documented_attributes(kind))
    for name, annotation in getattr(kind, "__annotations__", {}).items():
        yield f"{name}: {_annotation(annotation)}"
    if "exit_code" in vars(kind):
        yield f"exit_code = {kind.exit_code}"
    for name, member in sorted(vars(kind).items()):
        is_constructor = name == "__init__" and issubclass(kind, Exception)
        if name.startswith("_") and not is_constructor:
            continue
        if isinstance(member, property):
            yield f"{name}: {member.fget.__annotations__['return']}"
        elif isinstance(member, cached_property):
            yield f"{name}: {member.func.__annotations__['return']}"
        elif isinstance(member, classmethod):
            yield f"classmethod {name}{_signature(member.__func__)}"
        elif inspect.isfunction(member):
            yield f"def {name}{_signature(member)}"


def _signature(function):
    return re.sub(r"<function (\w+) at \w+>", r"\1", str(inspect.signature(function)))


def _annotation(annotation):
    text = annotation.__name__ if type(annotation) is type else str(annotation)
    return getattr(annotation, "__forward_arg__", text)


def _documented_attributes(kind):
    _, _, section = (kind.__doc__ or "").partition("Attributes:\n")
    annotated = getattr(kind, "__annotations__", {})
    return [n for n in re.findall(r"^ {8}(\w+):", section, re.M) if n not in annotated]


def test_the_public_api_is_as_recorded():
    assert describe_api() == RECORDED.read_text()


def test_every_public_name_is_documented():
    listed = set(re.findall(r"``(\w+)``", prunepack.__doc__))
    assert set(prunepack.__all__) - {"__version__"} <= listed
    for name in prunepack.__all__:
        value = getattr(prunepack, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__doc__
            assert "Args:" in value.__doc__ or not inspect.isfunction(value)


def test_fields_of_public_records_are_documented():
    for name in ("Limits", "PackedFile", "Summary", "TensorInfo", "TensorRow"):
        kind = getattr(prunepack, name)
        for field in kind.__annotations__:
            assert f"        {field}: " in kind.__doc__


if __name__ == "__main__":
    print(describe_api(), end="")
