"""Which traces are kept: those that begin with a link follow it, where the sampler follows at all."""

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    DEFAULT_OFF,
    ParentBasedTraceIdRatio,
    Sampler,
    TraceIdRatioBased,
)
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags

from jobs.tracing.exporting import following

RARELY = ParentBasedTraceIdRatio(1e-9)


def is_kept(sampler: Sampler, *, linked: bool, kind: SpanKind = SpanKind.CONSUMER) -> bool:
    flags = TraceFlags(TraceFlags.SAMPLED if linked else TraceFlags.DEFAULT)
    link = Link(SpanContext(2**127, 1, is_remote=True, trace_flags=flags))
    found = sampler.should_sample(Context(), 2**128 - 1, "run", kind, {}, [link])
    return bool(found.decision.is_sampled())


@pytest.mark.parametrize("sampler", [RARELY, DEFAULT_OFF])
def test_a_trace_that_begins_with_a_link_is_kept_if_what_it_links_to_is(sampler):
    assert is_kept(following(sampler), linked=True)
    assert not is_kept(following(sampler), linked=False)


def test_spans_of_others_that_have_links_are_the_sampler_s_to_decide():
    assert not is_kept(following(RARELY), linked=True, kind=SpanKind.INTERNAL)


@pytest.mark.parametrize("sampler", [ALWAYS_OFF, ALWAYS_ON, TraceIdRatioBased(0.5)])
def test_a_sampler_that_does_not_follow_parents_follows_no_links(sampler):
    assert following(sampler) is sampler
