"""The page at `/`, as three files: markup, style and script.

In: the application, the project. Out: their routes. Each file is the recipe's own of `pages/`, if
it has one of that name, else the library's.
"""

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse

from ..project import Project

FILES = {
    "/": ("service.html", "text/html"),
    "/page.css": ("service.css", "text/css"),
    "/page.js": ("service.js", "text/javascript"),
}
# The page fetches nothing from elsewhere, runs no script but its own file, makes no markup of a
# text, and nobody may put it into a frame of theirs.
ALONE = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def add_page(app: FastAPI, project: Project) -> None:
    """Let `app` answer with the page."""

    def page(request: Request) -> FileResponse:
        name, kind = FILES[request.scope["route"].path]
        return FileResponse(project.page(name), headers=ALONE, media_type=f"{kind}; charset=utf-8")

    for path in FILES:
        app.add_api_route(path, page, include_in_schema=False, response_model=None)
