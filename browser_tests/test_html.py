"""A browser executes nothing of the HTML of any body, and its page needs neither inline scripts nor inline styles.

It needs Debian's package chromium, and the extra `browser`. `make browser` runs it.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Page, Route, sync_playwright

from blog.adapters.markdown import MarkdownItMarkdownRenderer
from blog.testing.contracts.hostile_html import XSS

ORIGIN: Final = "http://blog.example"
POLICY: Final = "default-src 'none'; img-src 'self'; base-uri 'none'; form-action 'none'"
PLACES: Final = (
    "…",
    "[a](…)",
    "[a](<…>)",
    "![…](x)",
    "![a](<…>)",
    "[a](x '…')",
    "```html\n…\n```",
    "# …",
    "|a|\n|-|\n|…|",
)

_WATCH: Final = """
window.executed = [];
window.alert = (what) => window.executed.push('alert ' + what);
document.addEventListener('securitypolicyviolation', (event) => {
  if (!event.effectiveDirective.startsWith('img-src')) window.executed.push(event.effectiveDirective);
});
"""
_REPORT: Final = """() => {
  const all = [...document.querySelectorAll('*')];
  for (const element of all) { for (const kind of ['click', 'mouseover', 'focus', 'error', 'toggle']) {
    if (element.localName !== 'a') element.dispatchEvent(new Event(kind, {bubbles: true}));
  } }
  const schemes = [...document.links].map((link) => link.protocol);
  const handlers = all.flatMap((element) => element.getAttributeNames().filter((name) => name.startsWith('on')));
  return {
    executed: window.executed,
    schemes: [...new Set(schemes)].filter((each) => !['http:', 'https:', 'mailto:'].includes(each)),
    handlers,
    clobbered: [window.location, document.location].some((each) => !(each instanceof Location))
      || typeof document.cookie !== 'string' || document.querySelector('main').id !== 'main'
      || !(document.body instanceof HTMLBodyElement),
    closed: document.querySelector('main').nextElementSibling?.id === 'after',
  };
}"""
_NOTHING: Final = {"executed": [], "schemes": [], "handlers": [], "clobbered": False, "closed": True}


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page()
        page.add_init_script(_WATCH)
        yield page
        browser.close()


def report_on(page: Page, html: str, policy: str) -> dict[str, Any]:
    """Show HTML within a page, and return what the browser does with it. Nothing leaves the machine."""
    document = f"<!DOCTYPE html><title>A post</title><main id=main>{html}</main><footer id=after></footer>"

    def answer(route: Route) -> None:
        if route.request.url == f"{ORIGIN}/":
            route.fulfill(body=document, content_type="text/html", headers={"Content-Security-Policy": policy})
        else:
            route.abort()

    page.unroute_all()
    page.route("**/*", answer)
    page.goto(f"{ORIGIN}/", wait_until="load")
    report: dict[str, Any] = page.evaluate(_REPORT)
    return report


def test_the_report_sees_what_is_executed(page: Page) -> None:
    seen = report_on(page, "<img src=x onerror=alert(1)>", "default-src 'unsafe-inline' 'self'")
    assert seen["executed"]
    refused = report_on(page, "<p style='color: red' onclick=alert(1)>", POLICY)
    assert "style-src-attr" in refused["executed"]
    assert refused["handlers"] == ["onclick"]
    assert report_on(page, "<a href=javascript:alert(1)>x</a>", POLICY)["schemes"] == ["javascript:"]
    assert report_on(page, "<form id=location><input name=cookie></form><img name=cookie>", POLICY)["clobbered"]


@pytest.mark.parametrize(
    "policy", [POLICY, "default-src * 'unsafe-inline' 'unsafe-eval' data: blob:"], ids=["strict", "none"]
)
def test_nothing_is_executed(page: Page, policy: str) -> None:
    renderer = MarkdownItMarkdownRenderer()
    found = {}
    for vector in XSS:
        html = "".join(f"<article>{renderer.to_html(place.replace('…', vector))}</article>" for place in PLACES)
        if (report := report_on(page, html, policy)) != _NOTHING:
            found[vector] = report
    assert found == {}, json.dumps(found)
