"""Checks recorded HTTP bodies against the types that the official `stripe` package declares.

    python check_bodies.py [--differences FILE] PATH…

Each PATH is a JSONL file, or a directory of them, with one answer of the server a line:

    {"test": "…", "method": "POST", "path": "/v1/…", "status": 200, "body": {…}}

An object is checked by its own `object` field, wherever it stands. Every declared field must be
there: the package writes "may be null" and "may be absent" alike as Optional, so the fields that
may be absent are listed, with a reason, in known_differences.toml. Exit code: 0 no difference,
1 differences (one line each), 2 nothing was checked.
"""

import argparse
import json
import sys
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

import sdk_types
from sdk_types import Anything, Array, Class, Enum, Expandable, Map, OneOf, Page, Scalar

WIRE_ERROR_TYPES = ("api_error", "card_error", "idempotency_error", "invalid_request_error")
LIST_KEYS = {"object", "data", "has_more", "url"}
STUB_KEYS = {"id", "object", "deleted"}
JSON_TYPES = {"str": str, "int": int, "bool": bool, "float": (int, float)}


class KnownDifferences:
    """Patterns like `customer.tax` or `account.capabilities.*`, each with its reason."""

    def __init__(self, absent_ok=None, extra_ok=None):
        self.tables = {"absent_ok": absent_ok or {}, "extra_ok": extra_ok or {}}
        for pattern, reason in [e for t in self.tables.values() for e in t.items()]:
            if not isinstance(reason, str) or not reason.strip():
                raise ValueError(f"known difference {pattern} has no reason")
        self.used = set()

    @classmethod
    def read(cls, path):
        return cls(**tomllib.loads(Path(path).read_text()))

    def allows(self, table, path):
        hits = {(table, p) for p in self.tables[table] if fnmatchcase(path, p)}
        self.used |= hits
        return bool(hits)

    def unused(self):
        return [f"{t}: {p}" for t in self.tables for p in self.tables[t] if (t, p) not in self.used]


class Checker:
    def __init__(self, known=None):
        self.known = known or KnownDifferences()
        self.differences = {}  # (path, problem) → [first test, count]
        self.checked = 0
        self.skipped = 0
        self._test = ""
        self._in_event = False

    def record(self, record):
        """Checks one recorded answer."""
        if not record["path"].startswith("/v1/"):
            self.skipped += 1
            return
        self.checked += 1
        self._test = record.get("test", "?")
        self._in_event = False
        body, status = record["body"], record["status"]
        if not isinstance(body, dict):
            self._differs(record["path"], f"status {status} without a JSON object")
        elif status >= 400:
            self._error(body)
        elif status != 200:
            self._differs(record["path"], f"status {status}; a success is always 200")
        elif not isinstance(body.get("object"), str):
            self._differs(record["path"], "the body has no `object`")
        else:
            self._any_object(body, record["path"])

    def _differs(self, path, problem):
        entry = self.differences.setdefault((path, problem), [self._test, 0])
        entry[1] += 1

    # Values

    def _value(self, value, kind, path, partial=False):
        match kind:
            case Anything():
                if isinstance(value, dict) and isinstance(value.get("object"), str):
                    self._any_object(value, path)
            case Scalar(name):
                wrong_bool = isinstance(value, bool) and name != "bool"
                if wrong_bool or not isinstance(value, JSON_TYPES[name]):
                    self._differs(path, f"{show(value)} is not of type {sdk_types.SCALARS[name]}")
            case Enum(values):
                if not any(value == v and type(value) is type(v) for v in values):
                    self._differs(path, f"{show(value)} is not in the enum")
            case Array(item):
                self._items(value, item, path)
            case Page(item):
                self._page(value, item, path)
            case Map(item):
                self._map(value, item, path, partial)
            case Expandable(target):
                if not isinstance(value, str):
                    if self._in_event:
                        self._differs(path, "expanded inside an event")
                    self._value(value, target, path)
            case OneOf(members):
                self._one_of(value, members, path)
            case Class():
                self._hash(value, kind, path, partial)

    def _items(self, value, item, path):
        if not isinstance(value, list):
            self._differs(path, f"{show(value)} is not an array")
            return
        for element in value:
            self._value(element, item, path)

    def _map(self, value, item, path, partial):
        if not isinstance(value, dict):
            self._differs(path, f"{show(value)} is not a hash")
            return
        for key, element in value.items():
            # In previous_attributes null marks a key that was not there before.
            if not (partial and element is None):
                self._value(element, item, f"{path}.{key}" if item != Scalar("str") else path)

    def _one_of(self, value, members, path):
        name = value.get("object") if isinstance(value, dict) else None
        for member in members:
            if isinstance(member, Class) and member.object_name == name:
                self._hash(value, member, path)
                return
        self._differs(path, f"{show(name or value)} is not one of the declared objects")

    def _page(self, value, item, path):
        if not isinstance(value, dict) or value.get("object") != "list":
            self._differs(path, f"{show(value)} is not a list object")
            return
        for key in sorted(value.keys() ^ LIST_KEYS):
            self._differs(f"{path}.{key}", "unknown field" if key in value else "missing")
        self._value(value.get("has_more"), Scalar("bool"), f"{path}.has_more")
        self._value(value.get("url"), Scalar("str"), f"{path}.url")
        self._items(value.get("data"), item, f"{path}.data")

    # Hashes

    def _any_object(self, body, path):
        """An object of which only its `object` field tells what it is."""
        name = body["object"]
        if name == "list":
            self._page(body, Anything(), "list")
        elif (kind := sdk_types.class_of(name)) is None:
            self._differs(path, f"unknown object {show(name)}")
        else:
            self._hash(body, kind, path)

    def _hash(self, value, kind, path, partial=False):
        if not isinstance(value, dict):
            self._differs(path, f"{show(value)} is not a hash")
            return
        if kind.object_name and not partial:
            if value.get("object") != kind.object_name:
                self._differs(path, f"object {show(value.get('object'))}, not {kind.object_name}")
                return
            path = kind.object_name
        fields = kind.fields
        if value.get("deleted") is True and not partial:
            fields = {name: field for name, field in fields.items() if name in STUB_KEYS}
        self._keys(value, kind, fields, path, partial)
        for key in value.keys() & fields.keys():
            if value[key] is None:
                if not fields[key].nullable:
                    self._differs(f"{path}.{key}", "null, but not nullable")
            elif kind.object_name == "event" and key == "data":
                self._event_data(value[key], fields[key].type, f"{path}.data")
            else:
                self._value(value[key], fields[key].type, f"{path}.{key}", partial)

    def _keys(self, value, kind, fields, path, partial):
        """Which keys are there: none unknown, none missing, and of union members only the one."""
        for key in value.keys() - fields.keys():
            self._extra(f"{path}.{key}", "unknown field")
        if partial:
            return
        if "deleted" in value and value["deleted"] is not True:
            self._extra(f"{path}.deleted", "present on an object that lives")
        others = kind.members_of(value.get("type")) - {value.get("type")}
        for key in others & value.keys():
            self._extra(f"{path}.{key}", f"present, but type is {show(value.get('type'))}")
        for key in fields.keys() - value.keys() - others - {"deleted"}:
            if not self.known.allows("absent_ok", f"{path}.{key}"):
                self._differs(f"{path}.{key}", "missing")

    def _extra(self, path, problem):
        if not self.known.allows("extra_ok", path):
            self._differs(path, problem)

    def _event_data(self, data, kind, path):
        if not isinstance(data, dict):
            self._differs(path, f"{show(data)} is not a hash")
            return
        self._keys(data, kind, kind.fields, path, partial=False)
        subject = data.get("object")
        if not isinstance(subject, dict) or not isinstance(subject.get("object"), str):
            self._differs(f"{path}.object", "is not an API object")
            return
        self._in_event = True
        self._any_object(subject, f"{path}.object")
        previous = data.get("previous_attributes")
        of = sdk_types.class_of(subject["object"])
        if previous is not None and of is not None:
            self._hash(previous, of, f"{path}.previous_attributes({subject['object']})", True)
        self._in_event = False

    # Errors

    def _error(self, body):
        error = body.get("error")
        if not isinstance(error, dict) or body.keys() != {"error"}:
            self._differs("error", "the body is not {error: {…}}")
            return
        fields = sdk_types.error_class().fields
        for key, value in error.items():
            if key not in fields:
                self._extra(f"error.{key}", "unknown field")
            elif value is None:
                self._differs(f"error.{key}", "null; an error leaves a field out instead")
            elif key != "type":
                self._value(value, fields[key].type, f"error.{key}")
        if error.get("type") not in WIRE_ERROR_TYPES:
            self._differs("error.type", f"{show(error.get('type'))} is not a type of the wire")
        if "message" not in error:
            self._differs("error.message", "missing")
        if "doc_url" in error and "code" not in error:
            self._differs("error.doc_url", "present without a code")

    def report(self):
        return [
            f"{path}: {problem} (first seen in {test}, {count} times)"
            for (path, problem), (test, count) in sorted(self.differences.items())
        ]


def show(value):
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"


def records(paths):
    for path in map(Path, paths):
        for file in sorted(path.glob("*.jsonl")) if path.is_dir() else [path]:
            for line in file.read_text().splitlines():
                if line.strip():
                    yield json.loads(line)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="+")
    default = Path(__file__).with_name("known_differences.toml")
    parser.add_argument("--differences", default=default)
    options = parser.parse_args()
    checker = Checker(KnownDifferences.read(options.differences))
    for record in records(options.paths):
        checker.record(record)
    for entry in checker.known.unused():
        print(f"note: {entry} was not needed in this run")
    for line in checker.report():
        print(line)
    print(
        f"{checker.checked} bodies checked, {checker.skipped} outside /v1 skipped, "
        f"{len(checker.differences)} differences"
    )
    if checker.checked == 0:
        return 2
    return 1 if checker.differences else 0


if __name__ == "__main__":
    sys.exit(main())
