"""Find in source code what writes tables: ORM verbs and SQL, with the model and the columns where they can be told.

Reads syntax trees and annotations; runs nothing. An expression is followed to the model it speaks of, whether as class,
manager, queryset, instance or list of them: `Image.objects.filter(…)`, `project.images`, `claim.image`, a parameter
`rows: list[Image]`, the result of a function that says `-> Image`. What it cannot follow is a write of an unknown
model, unless its shape says that it is none: `digest.update(chunk)`, `seen.add(pk)`, `file.save(path)`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import models

from labeler.models.job import Leased

ALL = frozenset({"*"})  # columns: the whole row comes or goes, or nobody can tell which of them change

# ---------------------------------------------------------------- what an expression speaks of


@dataclass(frozen=True)
class Model:
    name: str


@dataclass(frozen=True)
class Several:
    """A tuple of known length."""

    of: tuple[Any, ...]


@dataclass(frozen=True)
class Ours:
    """A class of this code that is no model, or an instance of it."""

    module: str
    name: str


@dataclass(frozen=True)
class Module:
    name: str


OTHER = object()  # known to be no model
MODELS: dict[str, type[models.Model]] = {model.__name__: model for model in (*apps.get_models(), Leased)}
TABLES = {model._meta.db_table: name for name, model in MODELS.items() if not model._meta.abstract}
BUILT_IN = {"str", "int", "float", "bool", "bytes", "None", "object", "date", "datetime", "timedelta", "Path"}
BOXES = {
    "list", "set", "frozenset", "dict", "Iterable", "Iterator", "Sequence", "Mapping", "Collection", "QuerySet", "type",
    "Type", "Manager", "Generator", "Annotated", "Optional", "ClassVar", "Final", "defaultdict", "deque", "Callable",
}  # fmt: skip


def _accessors(model: type[models.Model]) -> dict[str, str]:
    """Attributes of a row that lead to other rows: foreign keys and what points here."""
    found = {}
    for related in model._meta.get_fields():
        if related.is_relation and related.related_model and isinstance(related.related_model, type):
            name = related.get_accessor_name() if related.auto_created else related.name
            found[name] = related.related_model.__name__
    return {name: model_ for name, model_ in found.items() if name and model_ in MODELS}


LEADS_TO = {name: _accessors(model) if not model._meta.abstract else {} for name, model in MODELS.items()}
FIELDS = {name: {f.name for f in model._meta.get_fields()} for name, model in MODELS.items()}
RELATED = {accessor for leads in LEADS_TO.values() for accessor in leads}
ANY_ROWS = {"Model", "QuerySet", "Manager"}  # in an annotation, without saying of what
NO_ROWS = {"count", "exists", "aggregate", "values", "values_list", "delete", "update", "pk", "id"}


# ---------------------------------------------------------------- the verbs

CREATE = {"create", "get_or_create", "update_or_create", "bulk_create", "create_user", "create_superuser"}
CHANGE = {"save", "save_base", "update", "bulk_update", "delete", "_raw_delete"}
RELATE = {"add", "set", "remove", "clear"}
SURE = {"get_or_create", "update_or_create", "bulk_create", "bulk_update", "create_user", "create_superuser",
        "save_base", "_raw_delete"}  # fmt: skip
VERBS = {prefix + verb for verb in CREATE | CHANGE | RELATE for prefix in ("", "a")}
_NAMED = re.compile(rf"\.({'|'.join(VERBS)})\b")


@dataclass(frozen=True)
class Write:
    """model: None where it cannot be told."""

    file: str
    line: int
    verb: str
    model: str | None
    columns: frozenset[str]
    source: str = field(compare=False, default="")

    @property
    def package(self) -> str:
        """The first folder under labeler/; api, worker and the modules beside the packages by their own name."""
        parts = Path(self.file).with_suffix("").parts
        return parts[1] if parts[0] == "labeler" else parts[0]

    def __str__(self) -> str:
        columns = "" if self.columns == ALL else f" ({', '.join(sorted(self.columns))})"
        return f"{self.file}:{self.line}: {self.verb} {self.model or 'of an unknown model'}{columns}: {self.source}"


# ---------------------------------------------------------------- all of the code


@dataclass
class _Class:
    tree: ast.ClassDef
    attributes: dict[str, Any] = field(default_factory=dict)
    methods: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = field(default_factory=dict)


@dataclass
class _File:
    path: str
    module: str
    text: str
    tree: ast.Module
    nodes: list[ast.AST] = field(default_factory=list)
    names: dict[str, Any] = field(default_factory=dict)  # imported or defined at the top: what they are
    functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = field(default_factory=dict)
    classes: dict[str, _Class] = field(default_factory=dict)


class Code:
    """Source files by path. Their writes: `writes()`."""

    def __init__(self, sources: Mapping[str, str]):
        self.files: dict[str, _File] = {}
        for path, text in sources.items():
            module = ".".join(Path(path).with_suffix("").parts).removesuffix(".__init__")
            self.files[module] = _File(path, module, text, ast.parse(text))
        for file in self.files.values():
            self._outline(file)
        for file in self.files.values():
            for made in file.classes.values():
                self._attributes(file, made)

    def writes(self) -> list[Write]:
        return [write for file in self.files.values() for write in (*_Verbs(self, file).found(), *_sql(self, file))]

    def _outline(self, file: _File) -> None:
        file.nodes = list(ast.walk(file.tree))
        for node in file.nodes:  # imports inside of functions and TYPE_CHECKING too
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    file.names[alias.asname or alias.name] = self._imported(node.module, alias.name)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    file.names[alias.asname or alias.name.partition(".")[0]] = Module(alias.name)
        for node in file.tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                file.functions[node.name] = node
            elif isinstance(node, ast.ClassDef):
                methods = {n.name: n for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
                file.classes[node.name] = _Class(node, methods=methods)
                file.names[node.name] = Model(node.name) if node.name in MODELS else Ours(file.module, node.name)
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
                bound = next((k.value for k in node.value.keywords if k.arg == "bound"), None)
                if bound is not None and isinstance(node.targets[0], ast.Name):
                    file.names[node.targets[0].id] = self.annotated(file, bound)

    def _imported(self, module: str, name: str) -> Any:
        if f"{module}.{name}" in self.files:
            return Module(f"{module}.{name}")
        if name in MODELS and (module.startswith("labeler.models") or module == MODELS[name].__module__):
            return Model(name)
        if module.partition(".")[0] in ("labeler", "api", "worker"):
            return Ours(module, name)
        return Module(f"{module}.{name}")

    def _attributes(self, file: _File, made: _Class) -> None:
        for node in made.tree.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                made.attributes[node.target.id] = self.annotated(file, node.annotation)
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                made.attributes[node.targets[0].id] = _Verbs(self, file, made).kind(node.value, {})
        start = made.methods.get("__init__")
        if start is None:
            return
        scope = _Verbs(self, file, made).parameters(start)
        for node in ast.walk(start):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
                        made.attributes.setdefault(target.attr, _Verbs(self, file, made).kind(node.value, scope))

    def defined(self, module: str, name: str) -> tuple[_File, Any] | None:
        """The function or class of this name, behind imports of imports."""
        file = self.files.get(module)
        if file is None:
            return None
        if name in file.functions:
            return file, file.functions[name]
        if name in file.classes:
            return file, file.classes[name]
        behind = file.names.get(name)
        return (
            self.defined(behind.module, behind.name) if isinstance(behind, Ours) and behind.module != module else None
        )

    def annotated(self, file: _File, node: ast.expr | None) -> Any:
        """What an annotation speaks of: None where it says nothing, or Any."""
        match node:
            case ast.Constant(value=str(text)):
                return self.annotated(file, ast.parse(text, mode="eval").body)
            case ast.Constant():
                return OTHER
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return _first(self.annotated(file, left), self.annotated(file, right))
            case ast.Name(id=name):
                known = file.names.get(name)
                if name == "Any":
                    return None
                if name == "Self" or known is None:
                    return Model(name) if name in MODELS else OTHER if name in BUILT_IN | BOXES else None
                if isinstance(known, Ours) and (there := self.defined(known.module, known.name)):
                    return self._class_kind(known, there[1])
                return (None if name in ANY_ROWS else OTHER) if isinstance(known, Module) else known
            case ast.Attribute(attr=name):
                return None if name in ANY_ROWS else Model(name) if name in MODELS and name != "Image" else OTHER
            case ast.Subscript(value=box, slice=inside):
                parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
                kinds = [self.annotated(file, part) for part in parts]
                of_any_length = any(isinstance(part, ast.Constant) and part.value is ... for part in parts)
                if isinstance(box, ast.Name) and box.id == "tuple" and not of_any_length:
                    return Several(tuple(kinds))
                return _first(*kinds)
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                return _first(*(self.annotated(file, part) for part in parts)) if parts else OTHER
        return None

    def _class_kind(self, known: Ours, there: Any) -> Any:
        """A QuerySet of ours speaks of its model."""
        if isinstance(there, _Class):
            for base in there.tree.bases:
                if isinstance(base, ast.Subscript) and isinstance(base.slice, ast.Constant):
                    return Model(str(base.slice.value))
        return known


def _first(*kinds: Any) -> Any:
    """What several annotations say together: a model if one of them does."""
    told = [kind for kind in kinds if kind is not OTHER]
    return next((kind for kind in told if kind is not None), None if told else OTHER)


# ---------------------------------------------------------------- verbs of the ORM


class _Verbs:
    """The ORM's verbs in one file."""

    def __init__(self, code: Code, file: _File, of: _Class | None = None):
        self.code, self.file, self.of = code, file, of
        self.writes: list[Write] = []

    def found(self) -> Iterator[Write]:
        if _NAMED.search(self.file.text):
            self._body(self.file.tree.body, {})
        yield from self.writes

    # ------------------------------------------------------------ walking

    def _body(self, body: Iterable[ast.stmt], scope: dict[str, Any]) -> None:
        for statement in body:
            self._statement(statement, scope)

    def _statement(self, node: ast.AST, scope: dict[str, Any]) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._body(node.body, scope | self.parameters(node))
                return
            case ast.ClassDef(name=name):
                inside = _Verbs(self.code, self.file, self.file.classes.get(name) or _Class(node))
                inside._body(node.body, dict(scope))
                self.writes += inside.writes
                return
            case ast.For(target=target, iter=rows) | ast.AsyncFor(target=target, iter=rows):
                self._bind(target, self._each(rows, scope), scope)
            case ast.With(items=items) | ast.AsyncWith(items=items):
                for item in items:
                    if item.optional_vars is not None:
                        self._bind(item.optional_vars, self.kind(item.context_expr, scope), scope)
        self._expressions(node, scope)
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._bind(target, self.kind(value, scope), scope)
            case ast.AnnAssign(target=target, annotation=annotation, value=value):
                said = self.code.annotated(self.file, annotation)
                self._bind(target, said if said is not None else value and self.kind(value, scope), scope)
        for part in ("body", "handlers", "orelse", "finalbody", "cases"):
            for inner in getattr(node, part, None) or [] if isinstance(getattr(node, part, None), list) else []:
                self._statement(inner, scope)

    def _expressions(self, node: ast.AST, scope: dict[str, Any]) -> None:
        """Calls in the expressions of this statement, not in the statements under it."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
                continue
            inside = list(ast.walk(child))
            for part in inside:
                if isinstance(part, ast.comprehension):
                    self._bind(part.target, self._each(part.iter, scope), scope)
                elif isinstance(part, ast.NamedExpr):
                    self._bind(part.target, self.kind(part.value, scope), scope)
            called = {id(part.func) for part in inside if isinstance(part, ast.Call)}
            for part in inside:
                if isinstance(part, ast.Call):
                    self._call(part, scope)
                elif isinstance(part, ast.Attribute) and id(part) not in called:
                    self._handed_on(part, scope)

    def parameters(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, Any]:
        told = function.args
        return {
            arg.arg: self.code.annotated(self.file, arg.annotation)
            for arg in (*told.posonlyargs, *told.args, *told.kwonlyargs)
            if arg.annotation is not None or arg.arg not in ("self", "cls")
        }

    def _bind(self, target: ast.expr, kind: Any, scope: dict[str, Any]) -> None:
        match target:
            case ast.Name(id=name):
                scope[name] = kind
            case ast.Starred(value=value):
                self._bind(value, kind, scope)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                kinds = kind.of if isinstance(kind, Several) and len(kind.of) == len(targets) else [kind] * len(targets)
                for part, its in zip(targets, kinds, strict=True):
                    self._bind(part, its, scope)

    # ------------------------------------------------------------ what an expression speaks of

    def _each(self, rows: ast.expr, scope: dict[str, Any]) -> Any:
        """Of what a loop over it gives."""
        if isinstance(rows, ast.Call) and isinstance(rows.func, ast.Name):
            if rows.func.id == "zip":
                return Several(tuple(self._each(arg, scope) for arg in rows.args))
            if rows.func.id == "enumerate":
                return Several((OTHER, self._each(rows.args[0], scope)))
        if isinstance(rows, ast.Call) and isinstance(rows.func, ast.Attribute) and rows.func.attr == "items":
            return Several((OTHER, self.kind(rows.func.value, scope)))
        return self.kind(rows, scope)

    def kind(self, node: ast.expr, scope: dict[str, Any]) -> Any:
        match node:
            case ast.Name(id=name):
                if name in scope:
                    return scope[name]
                if name in ("self", "cls") and self.of is not None:
                    known = self.file.names.get(self.of.tree.name)
                    return self.code.annotated(self.file, ast.Name(self.of.tree.name)) if known else None
                return self.file.names.get(name)
            case ast.Attribute(value=value, attr=attr):
                return self._attribute(self.kind(value, scope), attr)
            case ast.Call():
                return self._result(node, scope)
            case ast.Subscript(value=value, slice=part):
                whole = self.kind(value, scope)
                if isinstance(whole, Several) and isinstance(part, ast.Constant) and isinstance(part.value, int):
                    return whole.of[part.value] if part.value < len(whole.of) else None
                return whole
            case ast.BoolOp(values=values):
                return _first(*(self.kind(value, scope) for value in values))
            case ast.IfExp(body=body, orelse=orelse):
                return _first(self.kind(body, scope), self.kind(orelse, scope))
            case ast.BinOp(left=left, right=right):
                return _first(self.kind(left, scope), self.kind(right, scope))
            case ast.NamedExpr(value=value) | ast.Await(value=value) | ast.Starred(value=value):
                return self.kind(value, scope)
            case ast.Tuple(elts=parts):
                return Several(tuple(self.kind(part, scope) for part in parts))
            case ast.List(elts=parts) | ast.Set(elts=parts):
                return _first(*(self.kind(part, scope) for part in parts)) if parts else None
            case ast.ListComp(elt=part) | ast.SetComp(elt=part) | ast.GeneratorExp(elt=part) | ast.DictComp(value=part):
                inner = dict(scope)
                for made in node.generators:
                    self._bind(made.target, self._each(made.iter, inner), inner)
                return self.kind(part, inner)
            case ast.Dict() | ast.Constant() | ast.JoinedStr() | ast.Compare():
                return OTHER
        return None

    def _attribute(self, kind: Any, attr: str) -> Any:
        match kind:
            case Model(name=name):
                if attr in LEADS_TO[name]:
                    return Model(LEADS_TO[name][attr])
                return OTHER if attr in FIELDS[name] | NO_ROWS or attr.endswith("_id") else kind
            case Module(name=name):
                known = self.code.files.get(name)
                if known is not None:
                    return known.names.get(attr) or (Ours(name, attr) if attr in known.functions else None)
                return Module(f"{name}.{attr}")
            case Ours(module=module, name=name):
                there = self.code.defined(module, name)
                if there is None or not isinstance(there[1], _Class):
                    return None
                file, made = there
                if attr in made.methods:
                    return self.code.annotated(file, made.methods[attr].returns)
                return made.attributes.get(attr)
        return OTHER if kind is OTHER else None

    def _result(self, call: ast.Call, scope: dict[str, Any]) -> Any:
        function = call.func
        if isinstance(function, ast.Name):
            if function.id in ("list", "sorted", "tuple", "reversed", "next", "iter", "set", "max", "min", "cast"):
                return _first(*(self.kind(arg, scope) for arg in call.args))
            if function.id in ("get_user_model", "person"):
                return Model("User")
            if function.id in self.file.functions and function.id not in scope:
                return self.code.annotated(self.file, self.file.functions[function.id].returns)
        if isinstance(function, ast.Attribute) and function.attr in ("get_or_create", "update_or_create"):
            return Several((self.kind(function.value, scope), OTHER))
        if isinstance(function, ast.Attribute) and function.attr == "values" and not (call.args or call.keywords):
            return self.kind(function.value, scope)  # of a dict
        kind = self.kind(function, scope)
        if isinstance(kind, Ours):
            there = self.code.defined(kind.module, kind.name)
            if there is None:
                return None
            if isinstance(there[1], ast.FunctionDef | ast.AsyncFunctionDef):
                return self.code.annotated(there[0], there[1].returns)
            return kind
        if isinstance(kind, Module):  # somebody else's: Django's may give rows
            return None if kind.name.startswith("django") else OTHER
        return kind

    # ------------------------------------------------------------ the calls that write

    def _call(self, call: ast.Call, scope: dict[str, Any]) -> None:
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in VERBS:
            return
        verb = call.func.attr if call.func.attr in CREATE | CHANGE | RELATE else call.func.attr[1:]
        kind = self.kind(call.func.value, scope)
        if isinstance(kind, Several):
            kind = OTHER
        if isinstance(kind, Module | Ours) or kind is OTHER:
            if not self._inherited(kind, verb):
                return
            kind = None
        if kind is None and not _looks_like_a_write(verb, call):
            return
        if isinstance(kind, Model) and verb in RELATE and not isinstance(call.func.value, ast.Attribute):
            return  # a set of rows, not the manager of a relation
        model = kind.name if isinstance(kind, Model) else None
        source = ast.unparse(call)
        self.writes.append(Write(self.file.path, call.lineno, verb, model, _columns_of(verb, call), source[:100]))

    def _handed_on(self, verb: ast.Attribute, scope: dict[str, Any]) -> None:
        """`partial(Label.objects.create, …)`: somebody else calls it."""
        kind = self.kind(verb.value, scope) if verb.attr in VERBS else None
        if isinstance(kind, Model) and verb.attr not in FIELDS[kind.name] | RELATE:
            self.writes.append(Write(self.file.path, verb.lineno, verb.attr, kind.name, ALL, ast.unparse(verb)))

    def _inherited(self, kind: Any, verb: str) -> bool:
        """A verb that a class of ours has from a base that is not ours: a form, a serializer."""
        if not isinstance(kind, Ours) or verb not in ("save", "delete"):
            return False
        there = self.code.defined(kind.module, kind.name)
        return there is not None and isinstance(there[1], _Class) and verb not in there[1].methods


def _looks_like_a_write(verb: str, call: ast.Call) -> bool:
    """Where the model is unknown: may this be the ORM's verb, by its arguments?"""
    if verb in SURE:
        return True
    if verb in RELATE:
        return isinstance(call.func, ast.Attribute) and (
            isinstance(call.func.value, ast.Attribute) and call.func.value.attr in RELATED
        )
    if verb in ("update", "create"):
        return bool(call.keywords) and not call.args
    return not call.args  # save(), delete()


def _columns_of(verb: str, call: ast.Call) -> frozenset[str]:
    names: list[ast.expr] | None = None
    if verb == "update":
        if all(word.arg for word in call.keywords):
            return frozenset(str(word.arg) for word in call.keywords)
        return ALL | {word.arg for word in call.keywords if word.arg}
    if verb == "bulk_update":
        fields = call.args[1] if len(call.args) > 1 else next(k.value for k in call.keywords if k.arg == "fields")
        names = fields.elts if isinstance(fields, ast.List | ast.Tuple) else None
    if verb == "save":
        fields = next((word.value for word in call.keywords if word.arg == "update_fields"), None)
        names = fields.elts if isinstance(fields, ast.List | ast.Tuple) else None
    if names is None:
        return ALL
    told = {str(name.value) for name in names if isinstance(name, ast.Constant)}
    return frozenset(told) if len(told) == len(names) else ALL | told


# ---------------------------------------------------------------- SQL

_STATEMENT = re.compile(
    r'\b(INSERT\s+INTO|UPDATE|DELETE\s+FROM|MERGE\s+INTO|TRUNCATE(?:\s+TABLE)?|COPY)\s+(?:ONLY\s+)?"?(\w+|\{\})"?'
    r"(?P<alias>\s+(?:AS\s+)?(?!SET\b)\w+)?(?P<set>\s+SET\b)?",
    re.IGNORECASE,
)
_UPSERT = re.compile(r"\bDO\s+UPDATE\s+SET\b", re.IGNORECASE)
_END = re.compile(r"\b(FROM|WHERE|RETURNING)\b", re.IGNORECASE)


def _sql(code: Code, file: _File) -> Iterator[Write]:
    parts = {id(part) for node in file.nodes if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in file.nodes:
        if isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts
        ):
            yield from _statements(file, node, _text(node))
        elif isinstance(node, ast.Call):
            yield from _copied(file, node)


def _text(node: ast.JoinedStr | ast.Constant) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)


def _statements(file: _File, node: ast.expr, text: str) -> Iterator[Write]:
    found = list(_STATEMENT.finditer(text))
    for at, statement in enumerate(found):
        verb, table = " ".join(statement[1].upper().split()), statement[2].lower()
        if table == "{}":
            if verb == "UPDATE" and not statement["set"] and not statement["alias"]:
                continue  # FOR UPDATE {…}
            model = None
        elif table in TABLES:
            model = TABLES[table]
        elif table.startswith("labeler_"):
            model = None
        else:
            continue  # a table of its own transaction, or no SQL
        line = node.lineno + text[: statement.start()].count("\n")
        source = " ".join(text[statement.start() :].split())[:60]
        columns = ALL
        if statement["set"]:
            columns = frozenset(_set_columns(text[statement.end() :]))
        yield Write(file.path, line, verb, model, columns, source)
        upsert = _UPSERT.search(text, statement.end())
        last = found[at + 1].start() if at + 1 < len(found) else len(text)
        if verb == "INSERT INTO" and upsert and upsert.start() < last:
            yield Write(file.path, line, "UPDATE", model, frozenset(_set_columns(text[upsert.end() :])), source)


def _set_columns(text: str) -> Iterator[str]:
    """The names before each "=" of a SET list, up to its end."""
    depth, begin, parts = 0, 0, []
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth < 0 or (depth == 0 and _END.match(text, at)):
            parts.append(text[begin:at])
            break
        if letter == "," and depth == 0:
            parts.append(text[begin:at])
            begin = at + 1
    else:
        parts.append(text[begin:])
    for part in parts:
        yield part.partition("=")[0].strip().strip('"').lower()


def _copied(file: _File, call: ast.Call) -> Iterator[Write]:
    """columns.write("table", …) and cursor.copy_from(…, "table")."""
    if not isinstance(call.func, ast.Attribute) or not isinstance(call.func.value, ast.Name):
        return
    of = file.names.get(call.func.value.id)
    if call.func.attr == "copy_from" and len(call.args) > 1:
        table = call.args[1]
    elif call.func.attr == "write" and of == Module("labeler.models.columns") and call.args:
        table = call.args[0]
    else:
        return
    named = table.value if isinstance(table, ast.Constant) else None
    if named is None or str(named).startswith("labeler_") or named in TABLES:
        yield Write(file.path, call.lineno, "COPY", TABLES.get(str(named)), ALL, ast.unparse(call)[:100])
