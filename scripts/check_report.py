"""Opens reports in headless Chromium: nothing in the console, no horizontal overflow, tables that sort.

    python check_report.py OUTPUT REPORT.html...

Screenshots (400 and 1400 pixels, light and dark) and a PDF of each report are left in OUTPUT.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

BROWSERS = ["chromium", "chromium-browser", "google-chrome"]


def check(browser, report: Path, output: Path) -> list[str]:
    problems = []
    name = f"{report.parent.name}-{report.stem}"
    for width, scheme in [(400, "light"), (400, "dark"), (1400, "light"), (1400, "dark")]:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.on("console", lambda message: problems.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on(
            "request",
            lambda request: request.url.startswith(("file:", "data:"))
            or problems.append(f"loads {request.url}"),
        )
        page.goto(report.resolve().as_uri())
        room = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        if room[0] > room[1]:
            problems.append(f"{width} pixels: the content is {room[0]} pixels wide")
        # Figures are drawn, and no text of one leaves it.
        clipped = page.evaluate(
            """() => [...document.querySelectorAll('figure svg')].flatMap(svg => {
                 const box = svg.getBoundingClientRect();
                 return [...svg.querySelectorAll('text')].filter(text => {
                   const b = text.getBoundingClientRect();
                   return b.left < box.left - 1 || b.right > box.right + 1
                     || b.top < box.top - 1 || b.bottom > box.bottom + 1;
                 }).map(text => text.textContent); })"""
        )
        problems += [f"{width} pixels: clipped text in a figure: {text!r}" for text in clipped]
        page.screenshot(path=output / f"{name}-{width}-{scheme}.png", full_page=True)
        if width == 1400 and scheme == "light":
            page.pdf(path=output / f"{name}.pdf")
            problems += sorting(page)
        page.close()
    return problems


def sorting(page) -> list[str]:
    """A click on a heading sorts its column, a second one the other way round."""
    problems = []
    heads = page.locator("thead th.n button")
    if heads.count() == 0:
        return ["there is no column of numbers to sort by"]
    values = """head => [...head.closest('table').tBodies[0].rows]
        .map(row => row.cells[head.parentElement.cellIndex].dataset.v)
        .filter(value => value !== undefined).map(Number)"""
    for i in range(min(heads.count(), 20)):
        head = heads.nth(i)
        for down in (False, True):
            head.evaluate("head => head.click()")
            found = head.evaluate(values)
            if found != sorted(found, reverse=down):
                problems.append(f"column {head.inner_text()!r} is not sorted: {found[:10]}")
    return problems


def main() -> int:
    output, reports = Path(sys.argv[1]), [Path(path) for path in sys.argv[2:]]
    output.mkdir(parents=True, exist_ok=True)
    binary = next((path for path in map(shutil.which, BROWSERS) if path), None)
    if binary is None:
        print(f"no browser: none of {', '.join(BROWSERS)} is installed", file=sys.stderr)
        return 1
    failed = False
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        for report in reports:
            problems = check(browser, report, output)
            print(f"{report}: {'ok' if not problems else ''}")
            for problem in dict.fromkeys(problems):
                print(f"  {problem}")
            failed |= bool(problems)
        browser.close()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
