"""The schema of a task, read from its function's signature.

Parameters become a Pydantic model, the return type an adapter; what has no JSON form is refused
when the task is declared, not when the first job fails.
"""

import inspect
import json
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model
from pydantic.errors import PydanticUserError
from pydantic_core import from_json

from jobs.errors import ArgumentsInvalid, BodyMalformed, DeclarationError
from jobs.job import Job

_STRICT = ConfigDict(
    extra="forbid",
    allow_inf_nan=False,
    ser_json_inf_nan="constants",
    protected_namespaces=(),
    val_json_bytes="base64",
    ser_json_bytes="base64",
)


@dataclass(frozen=True, kw_only=True)
class Schema:
    """What a task takes and gives."""

    input: type[BaseModel]
    output: TypeAdapter[Any]
    signature: inspect.Signature
    """The caller's parameters: without the job, without the bound task."""
    takes_job: bool
    is_async: bool

    def from_body(self, body: bytes) -> str:
        """The arguments in a request's body, checked, as the JSON object that the ledger keeps.

        Raises:
            BodyMalformed: it is no JSON text in UTF-8.
            ArgumentsInvalid: it is no object, or a field is missing, unknown or of a wrong type.
        """
        try:
            return _dump(self.input.model_validate_json(body))
        except ValidationError as error:
            raise _refusal(error) from None

    def from_call(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """The arguments of a Python call, checked, as the JSON object that the ledger keeps.

        Raises:
            TypeError: they do not fit the signature, as Python itself says it.
            ArgumentsInvalid: a value does not fit its parameter's type.
        """
        named = self.named(args, kwargs)
        try:
            return _dump(self.input.model_validate(named))
        except ValidationError as error:
            raise _refusal(error) from None

    def named(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Positional and keyword arguments as one mapping of parameter names."""
        return dict(self.signature.bind(*args, **kwargs).arguments)

    def parse(self, arguments: str | Mapping[str, Any]) -> dict[str, Any]:
        """The function's keyword arguments from what the ledger keeps.

        Raises:
            ArgumentsInvalid: they do not fit (a plain Celery client's, or an older release's).
        """
        try:
            if isinstance(arguments, str):
                model = self.input.model_validate_json(arguments)
            else:
                model = self.input.model_validate(arguments)
        except ValidationError as error:
            raise _refusal(error) from None
        return dict(vars(model))  # not dict(model): iterating a model is slow

    def whole(self, arguments: str) -> dict[str, Any]:
        """What the ledger keeps as plain JSON values, with the defaults of what was left out."""
        model = self.input.model_validate_json(arguments)
        return dict(json.loads(model.model_dump_json(warnings=False)))

    def dump(self, value: Any) -> bytes:
        """The function's return value as JSON."""
        return self.output.dump_json(value)

    def json_schema(self) -> dict[str, Any]:
        """JSON Schema of the arguments (`input`) and of the result (`output`)."""
        return {
            "input": self.input.model_json_schema(),
            "output": self.output.json_schema(mode="serialization"),
        }


def place_of(function: Callable[..., Any]) -> str:
    """File and line of a function, the file relative to where the program was started from."""
    code = inspect.unwrap(function).__code__
    path = Path(code.co_filename)
    shown = os.path.relpath(path)
    return f"{path if shown.startswith('../..') else shown}:{code.co_firstlineno}"


def read_schema(function: Callable[..., Any], name: str, *, place: str, bound: bool) -> Schema:
    """Read a function's signature.

    Raises:
        DeclarationError: a parameter or the return type has no annotation, or no JSON form.
    """
    try:
        signature = inspect.signature(function, eval_str=True)
        parameters = list(signature.parameters.values())
        takes_job = not bound and bool(parameters) and parameters[0].annotation is Job
        if bound and not parameters:
            raise _Fault("bind=True needs a first parameter for the Celery task")
        own = parameters[1:] if bound or takes_job else parameters
        return Schema(
            input=_model(name, own), output=_output(signature), takes_job=takes_job,
            signature=signature.replace(parameters=own), is_async=inspect.iscoroutinefunction(function),
        )  # fmt: skip
    except NameError as error:
        fault = f"an annotation cannot be resolved: {error}"
    except _Fault as error:
        fault = str(error)
    raise DeclarationError(f"{place}: task {name}: {fault}")


class _Fault(Exception):
    """What is wrong with a signature."""


def _model(name: str, parameters: Sequence[inspect.Parameter]) -> type[BaseModel]:
    for parameter in parameters:
        for fault, is_found in _faults(parameter).items():
            if is_found:
                raise _Fault(fault)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a parameter may be named `copy` or `json`
            model = create_model(name, __config__=_STRICT, **{p.name: _field(p) for p in parameters})
        model.model_json_schema()
    except PydanticUserError as error:
        raise _Fault(f"a parameter's type has no JSON form: {_first_line(error)}") from None
    return model


def _output(signature: inspect.Signature) -> TypeAdapter[Any]:
    if signature.return_annotation is signature.empty:
        raise _Fault("the return type has no annotation (write '-> None' where nothing is returned)")
    try:
        output = _adapter(signature.return_annotation)
        output.json_schema(mode="serialization")
    except PydanticUserError as error:
        raise _Fault(f"the return type has no JSON form: {_first_line(error)}") from None
    return output


def _faults(parameter: inspect.Parameter) -> dict[str, bool]:
    """What can be wrong with a parameter, and whether it is."""
    name, kind = parameter.name, parameter.kind
    return {
        f"parameter '{parameter}': a schema needs named parameters": (
            kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        ),
        f"parameter '{name}' is positional-only: a job's arguments are named": (
            kind is parameter.POSITIONAL_ONLY
        ),
        f"parameter '{name}' has no annotation": parameter.annotation is parameter.empty,
        f"parameter '{name}': a name may not start with '_' or 'model_'": name.startswith(("_", "model_")),
        f"parameter '{name}': the job can only be the first parameter": parameter.annotation is Job,
    }


def _adapter(annotation: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(annotation, config=ConfigDict(ser_json_bytes="base64"))
    except PydanticUserError as error:
        if error.code != "type-adapter-config-unused":
            raise
        return TypeAdapter(annotation)  # a model has a configuration of its own


def _field(parameter: inspect.Parameter) -> Any:
    return (parameter.annotation, ... if parameter.default is parameter.empty else parameter.default)


def _dump(model: BaseModel) -> str:
    """The model as JSON; lenient parsers let NaN and Infinity through, and JSON has neither."""
    text = model.model_dump_json(exclude_unset=True)
    if "NaN" in text or "Infinity" in text:
        try:
            from_json(text, allow_inf_nan=False)
        except ValueError as error:
            raise BodyMalformed(f"The arguments hold a number that JSON has not: {error}.") from None
    return text


def _refusal(error: ValidationError) -> BodyMalformed | ArgumentsInvalid:
    faults: list[dict[str, Any]] = [
        {"loc": list(fault["loc"]), "msg": fault["msg"], "type": fault["type"]}
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    if faults[0]["type"] == "json_invalid":
        return BodyMalformed(f"The body is not JSON: {faults[0]['msg'].removeprefix('Invalid JSON: ')}.")
    shown = "; ".join(
        f"{'.'.join(map(str, fault['loc'])) or 'the body'}: {fault['msg']}" for fault in faults[:5]
    )
    more = f" (and {len(faults) - 5} more)" if len(faults) > 5 else ""
    return ArgumentsInvalid(f"{shown}{more}.", errors=faults)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
