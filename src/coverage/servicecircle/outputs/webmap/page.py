"""``map.html``: one self-contained page around a folium map, everything inlined, nothing asked of the network."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import folium
from branca.element import Figure
from jinja2 import Environment, Template

from servicecircle.outputs import palette
from servicecircle.outputs.webmap import words
from servicecircle.outputs.webmap.data import map_data
from servicecircle.outputs.webmap.encode import script_json
from servicecircle.outputs.webmap.leaflet import leaflet
from servicecircle.text.text import say

if TYPE_CHECKING:
    from servicecircle.results import Results

#: The page may run what it carries and show images it carries; every connection is refused.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'none'; "
    "base-uri 'none'; form-action 'none'"
)
LANG = {"zh": "zh-CN", "en": "en"}
MAP_ID = "study"
PATTERN_SIZE = 8

_JINJA = Environment(autoescape=True, keep_trailing_newline=True)


class StudyMap(folium.Map):
    """A folium map without tiles and without links: a place for layers, named the same in every build.

    folium's own template writes object spread, which browsers of its promised age do not read; this one does not.
    """

    _template = _JINJA.from_string(
        """
        {%- macro html(this, kwargs) %}<div class="folium-map" id="{{ this.get_name() }}"></div>{% endmacro %}
        {%- macro script(this, kwargs) -%}
        var {{ this.get_name() }} = L.map("{{ this.get_name() }}", {{ this.settings | tojson }});
        {%- endmacro %}
        """
    )

    def __init__(self) -> None:
        super().__init__(location=(0.0, 0.0), tiles=None, zoom_control=False)
        self._id = MAP_ID
        self.default_js, self.default_css = [], []  # what folium would fetch is inlined by the page
        self.settings = {
            "attributionControl": False,
            "zoomControl": False,
            "zoomSnap": 0.25,
            "zoomDelta": 0.5,
            "minZoom": 4,
            "maxZoom": 19,
        }


class Page(Figure):
    """The page around the map; every value a template prints is escaped unless it is our own code."""

    def __init__(self, results: Results) -> None:
        super().__init__()
        study, language = results.study, results.study.outputs.language
        data = map_data(results)
        self._template = _page_template()
        self.header._children.clear()  # noqa: SLF001 - the only way to leave out branca's own meta line
        self.lang = LANG[language]
        self.policy = POLICY
        self.heading = study.study.name
        self.description = say(language, "map.description")
        self.text = data["text"]
        self.note = words.map_note(study)
        self.patterns = [
            {"key": c.key, "colour": c.colour, "ink": c.ink, "pattern": c.pattern, "size": PATTERN_SIZE}
            for c in palette.SHARE_CLASSES
            if c.pattern != "solid"
        ]
        self.leaflet_js, self.leaflet_css = leaflet()
        self.style = _own("style.css")
        self.program = _own("map.js")
        self.data = script_json(data)


@cache
def _page_template() -> Template:
    return _JINJA.from_string(_own("page.html"))


def _own(name: str) -> str:
    return files("servicecircle.outputs.webmap").joinpath(name).read_text(encoding="utf-8")


def map_page(results: Results) -> str:
    """Return the complete ``map.html``; the same results give the same text.

    Raises
    ------
    StudyError
        The installed Leaflet is not the one this program was written for.
    """
    page: Any = Page(results)
    page.add_child(StudyMap(), name="map")
    return str(page.render())
