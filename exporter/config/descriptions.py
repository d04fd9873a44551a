"""What the keys of the config mean: the text below each in the source of its class."""

import ast
import inspect
from itertools import pairwise


def descriptions(model: type) -> dict[str, str]:
    """Return the text that stands below an annotated name in the body of `model`, by that name."""
    (tree,) = ast.parse(inspect.getsource(model)).body
    found: dict[str, str] = {}
    for statement, below in pairwise(tree.body if isinstance(tree, ast.ClassDef) else ()):
        match statement, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = inspect.cleandoc(text)
    return found
