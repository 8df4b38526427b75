"""D03: Globals, patches, hooks: what one event makes of the process that serves the next.

Knows how code gets itself called later. Does not know who calls it.
"""

from __future__ import annotations

from typing import ClassVar

from tests.attacks.residue import Residue, Way

LOOK = "import sys; told['x'] = getattr(sys, 'kept', [])"
KEEP = "import sys\nsys.kept = []\ndef keep(x): sys.kept.append(repr(x)[:2000])\n"


class TestLeftState(Residue):
    ways: ClassVar[dict[str, Way]] = {
        "a global": ("app.kept = event['secret']", "told['x'] = getattr(app, 'kept', '')"),
        "a module": ("import sys, types; sys.modules['left'] = types.SimpleNamespace(s=event['secret'])", "import sys; told['x'] = getattr(sys.modules.get('left'), 's', '')"),
        "a built-in": ("import builtins; builtins.left = event['secret']", "import builtins; told['x'] = getattr(builtins, 'left', '')"),
        "a logger": ("import logging; logging.getLogger(event['secret'])", "import logging; told['x'] = list(logging.root.manager.loggerDict)"),
        "garbage": ("app.g = event; event['self'] = event", "import gc; told['x'] = [repr(o) for o in gc.get_objects() if type(o) is dict and str(o.get('secret', '')).startswith('secret-of')]"),
    }  # fmt: skip


class TestTraps(Residue):
    spies = True
    ways: ClassVar[dict[str, Way]] = {
        "the handler": (KEEP + "true = app.handler\napp.handler = lambda e, c: (keep(e), true(e, c))[1]\nimport awslambdaric.bootstrap as b\nt = b.handle_event_request\nb.handle_event_request = lambda c, h, *a, **k: t(c, app.handler, *a, **k)", LOOK),
        "the runtime": (KEEP + "import awslambdaric.bootstrap as b\nt = b.handle_event_request\nb.handle_event_request = lambda *a, **k: (keep(a), t(*a, **k))[1]", LOOK),
        "json": (KEEP + "import simplejson, json\nfor m in (simplejson, json):\n def own(x, *a, _t=m.loads, **k): keep(x); return _t(x, *a, **k)\n m.loads = own", LOOK),
        "a built-in": (KEEP + "import builtins\nt = exec\ndef own(code, g=None, *a): keep(g); return t(code, g, *a)\nbuiltins.exec = own", LOOK),
        "a trace": (KEEP + "import sys\ndef trace(f, what, arg): keep(f.f_locals.get('event')); return None\ndef again(*a, **k): sys.setprofile(trace)\nagain()", "import sys; sys.setprofile(None); told['x'] = getattr(sys, 'kept', [])"),
        "an audit hook": (KEEP + "import sys\ndef hook(name, args):\n if name == 'exec': keep(sys._getframe(1).f_locals.get('event'))\nsys.addaudithook(hook)", LOOK),
    }  # fmt: skip
