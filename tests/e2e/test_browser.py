"""The page of a report in a real browser: nothing overlaps, nothing scrolls sideways, no errors."""

import json
import re
import shutil
import subprocess
from html import escape, unescape

import pytest

from prunepack.pipeline.search.summary.report import to_html as search_to_html
from prunepack.stages.reporting.page.render import to_html
from prunepack.stages.reporting.page.sensitivity import to_sensitivity_html
from tests.unit.pipeline.search.finished import MANY, MIXED
from tests.unit.stages.reporting.page_reports import ALL, make_details, make_page_report
from tests.unit.stages.reporting.sensitivity_records import make_sensitivity

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine: apt-get install it"),
]

WIDTHS = (360, 800, 1400, 1600)

FRAME = '<pre id="found"></pre><iframe style="width:{}px;height:900px;border:0" srcdoc="{}">'
"""A page around the page, because a window of the browser is at least 500 pixels wide."""

PROBE = """
<script>
const rows = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
if (OPEN) document.querySelectorAll("details").forEach(each => each.open = true);
while (walker.nextNode()) {
  const node = walker.currentNode, home = node.parentElement;
  if (!node.data.trim() || home.closest("title, desc, script, pre, .skip")) continue;
  const range = document.createRange();
  range.selectNodeContents(node);
  for (const box of range.getClientRects())
    if (box.width > 1 && box.height > 1)
      rows.push({box, scroll: home.closest(".scroll"), text: node.data.trim().slice(0, 40)});
}
rows.sort((a, b) => a.box.top - b.box.top);
const met = [];
rows.forEach((a, i) => {
  for (let j = i + 1; j < rows.length && rows[j].box.top < a.box.bottom - 3; j++) {
    const b = rows[j];
    const width = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
    const height = Math.min(a.box.bottom, b.box.bottom) - b.box.top;
    if (a.scroll === b.scroll && width > 1.5 && height > 4) met.push([a.text, b.text]);
  }
});
const edge = document.documentElement.clientWidth;
const out = rows.filter(row => !row.scroll && (row.box.right > edge + 1 || row.box.left < -1));
const marks = [...document.querySelectorAll("svg[role=img] :is(circle, rect, line)")];
const lost = marks.filter(mark => {
  const box = mark.getBoundingClientRect();
  return box.left < -1 || box.right > edge + 1;
});
parent.document.getElementById("found").textContent = JSON.stringify({
  width: innerWidth, wide: document.documentElement.scrollWidth - edge, texts: rows.length, met,
  out: out.map(row => row.text), lost: lost.length, marks: marks.length,
});
</script>
"""


def look(page, folder, width, *, dark=False, is_open=False):
    """Return what the browser measures on a page, and the lines of its console."""
    file = folder / "page.html"
    probe = PROBE.replace("OPEN", str(is_open).lower())
    inside = escape(page.replace("</body>", f"{probe}</body>"))
    file.write_text(f"<meta charset=utf-8>{FRAME.format(width, inside)}", encoding="utf-8")
    options = [
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"),
        *(f"--user-data-dir={folder / 'profile'}", "--window-size=1700,1000", "--dump-dom"),
        f"--blink-settings=preferredColorScheme={0 if dark else 1}",
    ]
    done = subprocess.run(
        [BROWSER, *options, file.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return json.loads(unescape(found[1])), console


LONG = make_page_report(
    details=make_details(13, name="a_very_long_name_of_a_layer." * 6),
    outputs=["an_output_with_a_name_that_is_much_too_long_for_its_column_" * 2],
)
SENSITIVITIES = {
    "sensitivity": make_sensitivity(),
    "sensitivity of many": make_sensitivity(
        30, ("l1_unstructured", "wanda"), "encoder.layers.0.a_long_name_of_a_layer."
    ),
}
PAGES = {name: to_html(report) for name, report in (ALL | {"long": LONG}).items()} | {
    name: to_sensitivity_html(measured, "lenet", "[prune]\n")
    for name, measured in SENSITIVITIES.items()
}
PAGES |= {"search": search_to_html(MIXED), "long search": search_to_html(MANY)}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_pages_fit(name, width, tmp_path):
    found, console = look(PAGES[name], tmp_path, width, dark=width == 800, is_open=width != 1600)
    assert console == []
    assert found["width"] == width
    assert found["texts"] > 20
    assert (found["wide"], found["met"], found["out"], found["lost"]) == (0, [], [], 0)


@pytest.mark.parametrize(
    ("fault", "key"),
    [
        ('<p style="width:2000px">wide</p>', "wide"),
        ('<p style="position:absolute;top:60px;left:20px">above another text</p>', "met"),
        ('<p style="position:absolute;left:-30px">outside</p>', "out"),
        ('<svg role="img"><circle cx="-40" cy="5" r="3"/></svg>', "lost"),
    ],
)
def test_a_planted_fault_is_found(fault, key, tmp_path):
    page = PAGES["passed"].replace("</main>", f"{fault}</main>")
    assert look(page, tmp_path, 800)[0][key]


def test_an_error_on_the_console_is_found(tmp_path):
    page = PAGES["passed"].replace("</main>", "<script>console.error('broken')</script></main>")
    assert "broken" in look(page, tmp_path, 800)[1][0]
