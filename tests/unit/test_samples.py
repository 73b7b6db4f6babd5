"""The sample tasks, called as the functions that they are, on real input."""

import asyncio
import base64
import hashlib
import io
import itertools
from decimal import Decimal
from typing import Any

import pytest
from PIL import Image

from jobs import Job
from jobs.errors import ArgumentsInvalid
from tasks.images import PIXEL_LIMIT, resize_image
from tasks.invoices import sum_invoices
from tasks.numbers import count_primes
from tasks.text import count_words, digest_texts, process

HEADER = "number,customer,amount,currency\n"


@pytest.mark.parametrize(("text", "processed"), [("hello", "HELLO"), ("straße", "STRASSE"), ("", "")])
def test_process_upper_cases_a_text(text, processed):
    assert process(text).processed_data == processed


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("a b a", {"a": 2, "b": 1}),
        ("Straße STRASSE", {"strasse": 2}),
        ("café cafe\u0301", {"café": 2}),
        ("İstanbul", {"i\u0307stanbul": 1}),
        ("don't rock'n'roll state-of-the-art -x- 'y'", {
            "don't": 1, "rock'n'roll": 1, "state-of-the-art": 1, "x": 1, "y": 1,
        }),
        ("हिन्दी भाषा हिन्दी", {"हिन्दी": 2, "भाषा": 1}),
        ("می\u200cخواهم", {"می\u200cخواهم": 1}),
        ("one,two;three\n4\tfive_six", {"4": 1, "five": 1, "one": 1, "six": 1, "three": 1, "two": 1}),
        ("", {}),
    ],
)  # fmt: skip
def test_count_words_knows_a_word_in_every_script(text, counts):
    found = count_words(text)
    assert found.counts == counts
    assert (found.words, found.distinct) == (sum(counts.values()), len(counts))


def test_count_words_puts_the_most_frequent_first_and_leaves_out_the_rare():
    assert list(count_words("b c a c b c", minimum_count=2).counts.items()) == [("c", 3), ("b", 2)]


def test_count_words_makes_more_of_megabytes_than_redis_should_hold():
    words = ["".join(letters) for letters in itertools.product("abcdefghij", repeat=4)]
    table = count_words(" ".join(words * 25))
    assert table.words == 250_000
    assert len(count_words.schema.dump(table)) > 64 * 1024


def picture(mode: str = "RGB", size: tuple[int, int] = (300, 200), kind: str = "PNG", **options: Any) -> str:
    packed = io.BytesIO()
    Image.new(mode, size).save(packed, kind, **options)
    return base64.b64encode(packed.getvalue()).decode()


def unpacked(text: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text)))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1", "LA"])
def test_resize_image_fits_a_picture_into_a_frame(mode, kind):
    resized = resize_image(picture(mode), 60, 60, format=kind)
    assert (resized.width, resized.height, resized.format) == (60, 40, kind)
    assert (unpacked(resized.image).size, unpacked(resized.image).format) == ((60, 40), kind)


def test_resize_image_stands_a_turned_photograph_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    resized = resize_image(picture(kind="JPEG", exif=exif), 60, 60)
    assert (resized.width, resized.height) == (40, 60)


@pytest.mark.parametrize(
    ("image", "fault"),
    [
        (base64.b64encode(b"no picture").decode(), "is no PNG, JPEG, WebP or GIF picture"),
        (picture(kind="TIFF"), "is no PNG, JPEG, WebP or GIF picture"),
        (base64.b64encode(base64.b64decode(picture())[:200]).decode(), "is damaged"),
        (picture("1", (8000, 8000)), f"more than {PIXEL_LIMIT} pixels"),
        (picture("1", (30000, 30000)), f"more than {PIXEL_LIMIT} pixels"),
    ],
)
def test_resize_image_says_what_is_wrong_with_a_picture(image, fault):
    with pytest.raises(ValueError, match=fault):
        resize_image(image, 10, 10)


@pytest.mark.parametrize("arguments", [{"image": "?"}, {"width": 0}, {"height": 10_000}, {"format": "BMP"}])
def test_resize_image_refuses_at_submit_what_it_can(arguments):
    fine = {"image": picture(), "width": 10, "height": 10}
    assert resize_image.schema.from_call([], fine)
    with pytest.raises(ArgumentsInvalid) as refused:
        resize_image.schema.from_call([], fine | arguments)
    assert [fault["loc"] for fault in refused.value.errors] == [[name] for name in arguments]


@pytest.mark.parametrize(
    ("below", "count", "largest"),
    [(0, 0, None), (2, 0, None), (3, 1, 2), (4, 2, 3), (100, 25, 97),
     (1_000_003, 78498, 999_983), (1_000_004, 78499, 1_000_003)],
)  # fmt: skip
def test_count_primes_counts_them_across_its_segments(below, count, largest):
    found = count_primes.function(Job(id="1", task="count_primes"), below)
    assert (found.count, found.largest) == (count, largest)


def test_count_primes_reports_each_segment():
    reported: list[tuple[int, int | None, str]] = []
    job = Job(id="1", task="count_primes", report=lambda *progress: reported.append(progress))
    count_primes.function(job, 2_500_000)
    assert [(done, total) for done, total, _ in reported] == [(1, 3), (2, 3), (3, 3)]
    assert reported[-1][2] == "183072 primes so far"


def test_digest_texts_gives_each_digest_in_its_place():
    texts = [f"text {n}" for n in range(50)]
    assert asyncio.run(digest_texts.function(texts)) == [
        hashlib.sha256(text.encode()).hexdigest() for text in texts
    ]


def test_sum_invoices_adds_up_each_currency_exactly():
    totals = sum_invoices(HEADER + '1,"Smith, John",0.10,EUR\n2,B,0.20,EUR\n\n3,B,-5,USD\n')
    assert totals.totals == {"EUR": Decimal("0.30"), "USD": Decimal(-5)}
    assert (totals.invoices, totals.customers) == (3, {"Smith, John": 1, "B": 2})


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ("", "line 1: the columns must be"),
        ("a,b\n", "line 1: the columns must be"),
        (HEADER + "1,A,1\n", "line 2: 3 columns instead of 4"),
        (HEADER + "1,A,1,EUR\n2,A,much,EUR\n", "line 3: 'much' is no amount"),
        (HEADER + "1,A,NaN,EUR\n", "line 2: 'NaN' is no amount"),
        (HEADER + "1,,1,EUR\n", "line 2: the number or the customer is missing"),
        (HEADER + "1,A,1,euro\n", "line 2: 'euro' is no currency code"),
        (HEADER + "1,A,1,EUR\n1,B,2,EUR\n", "line 3: invoice 1 stands on line 2 already"),
        (HEADER + '1,"A,1,EUR\n', "line 2: unexpected end of data"),
    ],
)
def test_sum_invoices_names_the_line_that_is_wrong(table, fault):
    with pytest.raises(ValueError, match=fault):
        sum_invoices(table)
