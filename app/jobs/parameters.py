"""The parameters of a request's query: read into a model, or refused in full. Knows no web framework."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic_core import PydanticCustomError

from jobs.errors import ParametersInvalid
from jobs.ids import is_queue, queue_rule

type Given = Mapping[str, Sequence[str]]
"""The parameters as they came: each name with all its values."""
MODEL = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
"""What every model of parameters is configured with."""


def refused(type: str, message: str) -> PydanticCustomError:  # noqa: A002 - pydantic's own name
    """A fault, for validators to raise."""
    return PydanticCustomError(type, message)


def _checked_queue(name: str) -> str:
    if not is_queue(name):
        raise refused("queue_name", queue_rule())
    return name


Text = Annotated[str, StringConstraints(min_length=1)]
Queue = Annotated[str, AfterValidator(_checked_queue)]


def read[M: BaseModel](model: type[M], given: Given) -> M:
    """The parameters as a model.

    Raises:
        ParametersInvalid: one is unknown, is there twice, or does not fit; `errors` names each.
    """
    faults = [_fault(name, type, message) for name, type, message in _misplaced(model, given)]  # noqa: A001
    known = {name: said for name, said in given.items() if name in model.model_fields}
    values = {name: list(said) if is_list(model, name) else said[-1] for name, said in known.items()}
    try:
        parameters = model.model_validate(values)
    except ValidationError as error:
        told = error.errors(include_url=False, include_context=False, include_input=False)
        faults += [_fault(str((each["loc"] or ("",))[0]), each["type"], each["msg"]) for each in told]
    else:
        if not faults:
            return parameters
    raise invalid(faults)


def invalid(faults: list[dict[str, Any]]) -> ParametersInvalid:
    """The error that tells these faults."""
    shown = [f"{'.'.join(map(str, each['loc'])) or 'the query'}: {each['msg']}" for each in faults[:5]]
    more = f" (and {len(faults) - 5} more)" if len(faults) > 5 else ""
    return ParametersInvalid(f"{'; '.join(shown)}{more}.", errors=faults)


def misfit(name: str, message: str) -> ParametersInvalid:
    """The error that tells one fault of one parameter."""
    return invalid([_fault(name, "value_error", message)])


def is_list(model: type[BaseModel], name: str) -> bool:
    """Whether a parameter may be there more than once."""
    return str(model.model_fields[name].annotation).startswith(("list[", "tuple["))


def _misplaced(model: type[BaseModel], given: Given) -> Iterator[tuple[str, str, str]]:
    """The parameters that are not the model's, and those that are there once too often."""
    for name, said in given.items():
        if name not in model.model_fields:
            yield (
                name,
                "unknown_parameter",
                f"there is no such parameter, but {', '.join(model.model_fields)}",
            )
        elif len(said) > 1 and not is_list(model, name):
            yield name, "repeated_parameter", "it is there more than once"


def _fault(name: str, type: str, message: str) -> dict[str, Any]:  # noqa: A002 - the field's name
    return {"loc": [name] if name else [], "msg": message, "type": type}
