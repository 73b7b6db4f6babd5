"""The arguments of the next attempt, where a retry names some of them."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def next_arguments(
    run: Callable[..., Any],
    had_args: Sequence[Any],
    had_kwargs: Mapping[str, Any],
    args: Sequence[Any] | None,
    kwargs: Mapping[str, Any] | None,
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """What a retry names replaces what the attempt had; the rest stays, as far as it does not conflict.

    Positional arguments that are named keep the attempt's keywords but those that they now fill; keywords
    that are named keep the attempt's positional arguments but those that they now replace.
    """
    if args is not None and kwargs is not None:
        return args, kwargs
    parameters = list(inspect.signature(run).parameters.values())
    if args is not None:
        filled = {each.name for each in parameters[: len(args)] if each.kind is each.POSITIONAL_OR_KEYWORD}
        return args, {name: value for name, value in had_kwargs.items() if name not in filled}
    named = dict(kwargs or {})
    kept = list(had_args)
    for place, each in enumerate(parameters[: len(kept)]):
        if each.kind is each.POSITIONAL_OR_KEYWORD and each.name in named:
            kept[place] = named.pop(each.name)
    return kept, named
