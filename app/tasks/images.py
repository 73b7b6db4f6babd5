"""Tasks on pictures. Pictures travel as Base64 (RFC 4648, the standard alphabet)."""

import base64
import binascii
import io
import warnings
from datetime import timedelta
from typing import Annotated, Literal

from PIL import Image, ImageOps, UnidentifiedImageError
from pydantic import AfterValidator, BaseModel, Field

from jobs import task

PIXEL_LIMIT = 40_000_000
"""Pixels that a picture may unpack to; 40 million take some 160 MB."""


def _base64(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"not Base64: {error}") from None
    return text


type Base64 = Annotated[str, Field(min_length=4), AfterValidator(_base64)]
type Side = Annotated[int, Field(ge=1, le=8192)]


class Resized(BaseModel):
    """A picture in its new size."""

    image: str = Field(description="The picture, as Base64.")
    format: str
    width: int
    height: int


@task(time_limit=timedelta(minutes=2))
def resize_image(
    image: Base64, width: Side, height: Side, *, format: Literal["PNG", "JPEG", "WEBP"] = "PNG"
) -> Resized:
    """Fit a PNG, JPEG, WebP or GIF picture into a frame, keeping its proportions.

    Raises:
        ValueError: it is no such picture, is damaged, or unpacks to too many pixels.
    """
    picture = _opened(base64.b64decode(image))
    fitted = ImageOps.contain(picture, (width, height), Image.Resampling.LANCZOS)
    if format == "JPEG":
        fitted = _without_alpha(fitted)
    packed = io.BytesIO()
    fitted.save(packed, format)
    return Resized(
        image=base64.b64encode(packed.getvalue()).decode(),
        format=format,
        width=fitted.width,
        height=fitted.height,
    )


def _opened(packed: bytes) -> Image.Image:
    """The picture, upright, its size checked before it is unpacked."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our limit is the stricter one
            picture = Image.open(io.BytesIO(packed), formats=["PNG", "JPEG", "WEBP", "GIF"])
    except UnidentifiedImageError:
        raise ValueError("image: is no PNG, JPEG, WebP or GIF picture") from None
    except Image.DecompressionBombError:
        raise ValueError(f"image: has more than {PIXEL_LIMIT} pixels") from None
    if picture.width * picture.height > PIXEL_LIMIT:
        raise ValueError(f"image: has {picture.width} × {picture.height}, more than {PIXEL_LIMIT} pixels")
    try:
        upright = ImageOps.exif_transpose(picture)
        return upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except (OSError, SyntaxError) as error:  # Pillow raises both where a file is cut short or damaged
        raise ValueError(f"image: is damaged: {error}") from None


def _without_alpha(picture: Image.Image) -> Image.Image:
    """The picture on white: JPEG knows no transparency."""
    if picture.mode != "RGBA":
        return picture
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture).convert("RGB")
