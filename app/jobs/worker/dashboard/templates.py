"""Flower's pages: ours where there is one of that name, else Flower's own."""

from pathlib import Path

from tornado.template import Loader, Template

OURS = Path(__file__).with_name("pages")


class Templates(Loader):
    """Loads them."""

    def _create_template(self, name: str) -> Template:
        file = OURS / name
        if not file.is_file():
            return super()._create_template(name)
        return Template(file.read_bytes(), name=name, loader=self)
