"""Label selectors mean what Kubernetes means by them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.adapter.selectors import SelectorMalformed, selector

LABELS = {"pool": "default", "release": "shop", "example.org/size": "12", "empty": ""}


@pytest.mark.parametrize(
    "text",
    [
        "", "  ", "pool=default", "pool==default", " pool = default ", "pool=default,release=shop",
        "pool!=mail", "absent!=x", "pool in (default)", "pool in (mail, default)", "pool in(default)",
        "pool notin (mail,bulk)", "absent notin (x)", "pool", "!absent", "! absent", "pool,!absent,release",
        "example.org/size=12", "example.org/size>11", "example.org/size < 13", "example.org/size>-1",
        "empty=", "empty in ()", "empty in (a,)", "pool\tin\t(default)\n", "pool=default , release in (shop)",
    ],
)  # fmt: skip
def test_a_selector_chooses_what_fits(text):
    assert selector(text)(LABELS)


@pytest.mark.parametrize(
    "text",
    [
        "pool=mail", "pool=", "pool!=default", "pool notin (mail, default)", "pool in (mail)", "absent",
        "!pool", "absent=", "absent in (x)", "absent in ()", "pool=default,release=other",
        "example.org/size>12", "example.org/size<12", "pool>1", "absent<5", "size=12", "pool=Default",
    ],
)  # fmt: skip
def test_a_selector_leaves_what_does_not_fit(text):
    assert not selector(text)(LABELS)


@pytest.mark.parametrize(
    "text",
    [
        ",", "pool,", ",pool", "pool,,release", "=x", "!", "!=x", "pool=a b", "pool=a=b", "pool===a",
        "pool in", "pool in mail", "pool in (a", "pool in a)", "pool in (a))", "pool in ((a))", "pool notin",
        "pool not in (a)", "!pool=a", "!pool in (a)", "pool in (a b)", "pool in (a,b c)", "in", "notin (a)",
        "pool=-a", "pool=a-", "pool=ä", "pöol=a", "/pool", "a/b/c", "Example.org/size", "pool=" + "x" * 64,
        "x" * 64, "pool>", "pool<a", "pool>1.5", "pool>=1", "pool=>1", "pool)", "(pool)", "pool=a;release=b",
        "pool=\x00", "pool&release", "pool='a'", 'pool="a"', "*", "pool=*",
    ],
)  # fmt: skip
def test_rubbish_is_no_selector(text):
    with pytest.raises(SelectorMalformed):
        selector(text)


@given(st.text(alphabet="ab1=!<>(), in-./\n", max_size=40))
def test_any_text_is_a_selector_or_is_refused(text):
    try:
        chooses = selector(text)
    except SelectorMalformed:
        return
    assert chooses(LABELS) in (True, False)


NAMES = st.from_regex(r"\A[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?\Z").filter(
    lambda name: name not in ("in", "notin")
)


@given(NAMES, st.lists(NAMES, min_size=1, max_size=4), st.dictionaries(NAMES, NAMES, max_size=4))
def test_each_form_is_its_opposite_turned_round(key, values, labels):
    chosen = ",".join(values)
    assert selector(f"{key} in ({chosen})")(labels) is not selector(f"{key} notin ({chosen})")(labels)
    assert selector(f"{key}={values[0]}")(labels) is not selector(f"{key}!={values[0]}")(labels)
    assert selector(key)(labels) is not selector(f"!{key}")(labels)
    assert selector(f"{key}={values[0]}")(labels) is (labels.get(key) == values[0])
