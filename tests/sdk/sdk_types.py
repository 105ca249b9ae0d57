"""The types that the installed official `stripe` package declares for its objects.

The annotations are read from the package's source, not from its classes: most of them name
classes that are imported only for type checkers, so `typing.get_type_hints` cannot resolve them.
"""

import ast
import importlib.util
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PACKAGE = Path(importlib.util.find_spec("stripe").origin).parent
SCALARS = {"str": "string", "int": "integer", "bool": "boolean", "float": "number"}


@dataclass(frozen=True)
class Scalar:
    name: str


@dataclass(frozen=True)
class Enum:
    values: tuple


@dataclass(frozen=True)
class Array:
    item: object


@dataclass(frozen=True)
class Page:
    """A list object: `{object: "list", data, has_more, url}`."""

    item: object


@dataclass(frozen=True)
class Map:
    """A hash with free keys, such as `metadata`."""

    value: object


@dataclass(frozen=True)
class Expandable:
    """An id, or the object itself when the request asked to expand it."""

    target: object


@dataclass(frozen=True)
class OneOf:
    members: tuple


@dataclass(frozen=True)
class Anything:
    pass


@dataclass(frozen=True)
class Field:
    type: object
    nullable: bool


class Module:
    """One source file of the package: its classes, and where its other names come from."""

    def __init__(self, name):
        self.name = name
        path = PACKAGE.joinpath(*name.split(".")[1:])
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        self.classes, self.imports = {}, {}
        for node in ast.parse(path.read_text()).body:
            # What an annotation needs is often imported under `if TYPE_CHECKING:`.
            for inner in node.body if isinstance(node, ast.If) else [node]:
                if isinstance(inner, ast.ClassDef):
                    self.classes[inner.name] = Class(self, inner)
                elif isinstance(inner, ast.ImportFrom):
                    for alias in inner.names:
                        self.imports[alias.asname or alias.name] = (inner.module, alias.name)


class Class:
    """A class of the package, seen as the hash it describes."""

    def __init__(self, module, node):
        self.module = module
        self.node = node
        self.name = node.name
        self.nested = {
            inner.name: Class(module, inner)
            for inner in node.body
            if isinstance(inner, ast.ClassDef)
        }

    @cached_property
    def fields(self):
        renamed = self._assigned("_field_remappings") or {}
        declared = {}
        for node in self.node.body:
            if isinstance(node, ast.AnnAssign) and not is_class_variable(node):
                name = node.target.id
                declared[renamed.get(name, name)] = self._field(node.annotation)
        return declared

    @cached_property
    def object_name(self):
        """The value of the `object` field, for classes that are API resources."""
        field = self.fields.get("object")
        return field.type.values[0] if field and isinstance(field.type, Enum) else None

    def members_of(self, tag):
        """The fields of which only the one named `tag`, the value of `type`, is present."""
        field = self.fields.get("type")
        optional = {name for name, other in self.fields.items() if other.nullable}
        if field is None:
            return set()
        if isinstance(field.type, Enum):
            return optional & set(field.type.values)
        # A plain string says less: it names members only when it is the name of one.
        hashes = {n for n in optional if isinstance(self.fields[n].type, (Class, Map))}
        return hashes if tag in hashes else set()

    def _assigned(self, name):
        for node in self.node.body:
            if isinstance(node, ast.Assign) and node.targets[0].id == name:
                return ast.literal_eval(node.value)
        return None

    def _field(self, annotation):
        annotation = unquoted(annotation)
        if subscript(annotation) == "Optional":
            return Field(self._type(annotation.slice), nullable=True)
        return Field(self._type(annotation), nullable=False)

    def _type(self, node):
        node = unquoted(node)
        if isinstance(node, ast.Name):
            return self._named(node.id)
        kind = subscript(node)
        inside = node.slice
        if kind == "Literal":
            return Enum(tuple(part.value for part in parts(inside)))
        if kind == "Union":
            members = [self._type(part) for part in parts(inside)]
            # `Union[Literal[…], str]` is an enum that may grow; here it counts as closed.
            closed = [member for member in members if isinstance(member, Enum)]
            return closed[0] if closed else OneOf(tuple(members))
        if kind == "List":
            return Array(self._type(inside))
        if kind == "ListObject":
            return Page(self._type(inside))
        if kind == "UntypedStripeObject":
            return Map(self._type(inside))
        if kind == "ExpandableField":
            return Expandable(self._type(inside))
        raise LookupError(f"unknown annotation {ast.unparse(node)} in {self.module.name}")

    def _named(self, name):
        if name in SCALARS:
            return Scalar(name)
        if name == "Decimal":
            return Scalar("str")
        if name in ("Any", "T"):
            return Anything()
        if name in self.nested:
            return self.nested[name]
        if name in self.module.classes:
            return self.module.classes[name]
        if name in self.module.imports:
            return load(*self.module.imports[name])
        raise LookupError(f"unknown name {name} in {self.module.name}")


def unquoted(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return ast.parse(node.value, mode="eval").body
    return node


def subscript(node):
    return node.value.id if isinstance(node, ast.Subscript) else None


def parts(node):
    return node.elts if isinstance(node, ast.Tuple) else [node]


def is_class_variable(node):
    return subscript(node.annotation) in ("ClassVar", "Type") or node.target.id.startswith("_")


_modules = {}


def load(module, name):
    if module not in _modules:
        _modules[module] = Module(module)
    found = _modules[module]
    return found.classes[name] if name in found.classes else load(*found.imports[name])


def object_names():
    from stripe._object_classes import OBJECT_CLASSES

    return OBJECT_CLASSES


def class_of(object_name):
    """The class of an API object by its `object` field, or None when the package has none."""
    place = object_names().get(object_name)
    return load(*place) if place else None


def error_class():
    return load("stripe._error_object", "ErrorObject")
