"""What Python has and TerpreT has not, in words: how to write it instead."""

import ast

SEE = "see docs/reference/terpret.md for what the language has"
UNROLL = "write a loop over a range"
NO_OTHER = "leave it out: a text is declarations, loops, branches and set_to"
IN_WORDS: dict[type[ast.AST], tuple[str, str]] = {
    ast.AugAssign: (
        "an assignment that computes, such as +=",
        "write x = x + 1 for a constant, set_to for a variable",
    ),
    ast.AnnAssign: ("an annotation", "declare variables as x = Var(n)"),
    ast.While: ("a while loop", f"{UNROLL}, with a branch that ends it early"),
    ast.Break: ("break", "branch on a variable: `if halted == 0:`"),
    ast.Continue: ("continue", "put the rest into a branch"),
    ast.Import: ("an import", "remove it: a text is not run by Python"),
    ast.Lambda: ("lambda", "declare a function with @Runtime or @Inline()"),
    ast.ListComp: ("a list comprehension", UNROLL),
    ast.GeneratorExp: ("a generator", UNROLL),
    ast.DictComp: ("a dictionary", NO_OTHER),
    ast.Dict: ("a dictionary", NO_OTHER),
    ast.Set: ("a set", NO_OTHER),
    ast.JoinedStr: ("a text", NO_OTHER),
    ast.ClassDef: ("a class", NO_OTHER),
    ast.Try: ("try", NO_OTHER),
    ast.Raise: ("raise", NO_OTHER),
    ast.Assert: ("assert", NO_OTHER),
    ast.Delete: ("del", NO_OTHER),
    ast.Global: ("global", NO_OTHER),
    ast.Nonlocal: ("nonlocal", NO_OTHER),
    ast.NamedExpr: (":=", "write a statement of its own"),
    ast.Starred: ("*", "write every one"),
    ast.Slice: ("a slice", "index one element after the other, in a loop"),
    ast.Div: ("/", "divide integers by //"),
    ast.Pow: ("**", "write a product, or a loop that multiplies"),
    ast.MatMult: ("@ between values", NO_OTHER),
    ast.LShift: ("<<", "multiply by a power of 2"),
    ast.RShift: (">>", "divide by a power of 2, by //"),
    ast.Invert: ("~", "subtract from the largest value"),
    ast.UAdd: ("+ before a value", "leave it out"),
    ast.Is: ("is", "compare by =="),
    ast.IsNot: ("is not", "compare by !="),
    ast.In: ("in", "compare by == with each"),
    ast.NotIn: ("not in", "compare by != with each"),
    ast.Yield: ("yield", NO_OTHER),
    ast.Match: ("match", "write if, elif and else"),
    ast.Attribute: ("an attribute", "write an integer, a variable or a call of a function"),
    ast.Tuple: ("a tuple", "write an integer, a variable or a call of a function"),
    ast.List: ("a list", "write an integer, a variable or a call of a function"),
    ast.Constant: ("a text in quotes", "write an integer, a variable or a call of a function"),
    ast.Subscript: ("an element", "write an argument or a local variable"),
    ast.With: ("with", "write if, elif and else"),
    ast.FunctionDef: ("a function", "declare it at the top of the text"),
    ast.ImportFrom: ("an import", "remove it: a text is not run by Python"),
    ast.Assign: ("an assignment of several names", "write a statement for each"),
    ast.Return: ("return without a value", "return an integer"),
    ast.Call: ("a call that is not of a name with plain arguments", "call a function by its name"),
    ast.Expr: ("an expression that nothing uses", "assign it to a name, or return it"),
}
"""By kind of a part what it is called, and what to write instead."""


def called(node: ast.AST) -> str:
    """What a part of a text is called.

    :param node: the part.
    :returns: in words; Python's own name for what is rare.
    """
    return IN_WORDS.get(type(node), (type(node).__name__, ""))[0]


def instead(node: ast.AST) -> str:
    """What to write instead of a part that is refused.

    :param node: the part.
    :returns: a remedy.
    """
    return IN_WORDS.get(type(node), ("", SEE))[1]


def as_written(node: ast.AST, most: int = 60) -> str:
    """A part of a text, as it is written, on one line.

    :param node: the part.
    :param most: characters that are shown.
    :returns: its text, shortened.
    """
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= most else f"{text[:most]}..."
