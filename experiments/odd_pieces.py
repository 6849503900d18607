"""What `text_mutations` puts into texts: numbers, names, expressions and statements, odd somewhere."""

import re

NUMBERS = (
    *("0", "1", "2", "3", "4", "5", "7", "-1", "19", "64", "300", "1000", "10001", "100001", "400000"),
    *("2147483647", "2147483649", "9223372036854775808", "9" * 20, "9" * 401, "9" * 4200, "9" * 5000),
    *("1.0", "1.5", "True", "False", "None", "1j", "'1'", "0x10", "1_0", "...", "1e400"),
)
"""What an integer is changed to."""
NAMES = tuple(
    re.split(
        r"\s+",
        """
instances restarts steps train forward copies save self range int min Param Var Input Output Hyper Runtime
Inline Learn Tensor set_to tensors observe library values model dummy __class__ __init__ call abs print x
""".strip(),
    )
)
"""What a name is changed to: those that mean something elsewhere."""
PIECES = tuple(
    re.split(
        r" ; |\n",
        """
lambda: 0 ; (x := 1) ; f'{x}' ; [i for i in range(3)] ; *x ; **x ; x.y.z ; x[0][0] ; x[0:1] ; x[()]
x[0,] ; {} ; {1: 2} ; await x ; yield ; 1 if 1 else 2 ; 0 < 1 < 2 ; x is 1 ; 1 in x ; 'words' ; 1 + 'a'
Param(2) ; Var(0) ; Var(2)[0] ; Hyper() ; Tensor() ; Tensor(2, 2) ; Input(Tensor(2)) ; 2 ** 9 ; 1 // 0
1 % 0 ; -1 // 2 ; ~1 ; 1 << 99 ; 1 and x ; x or 1 ; not x ; x == x ; x() ; int() ; int(1, 2) ; range(3)
x.set_to ; None ; () ; (1, 2) ; [] ; b'' ; 1 if x else 2 ; abs(-1) ; min(1) ; max()
""".strip(),
    )
)
"""What an expression is changed to, with some names of the text in place of x and y."""
SIMPLE = tuple(
    re.split(
        r" ; |\n",
        """
pass ; return ; return 1 ; return x ; import os ; from dummy import * ; from os import path ; break
x = y = 1 ; x, y = 1, 2 ; x += 1 ; x: int = 1 ; del x ; global x ; assert x ; x.set_to(x) ; x.set_to(1)
x.set_to_constant(0) ; x.set_to(1, 2) ; x.set_to(v=1) ; x[0] = 1 ; x[0] = Param(2) ; x = Param(2)
x = Var(2)[2] ; x = Output(2) ; x = Input(2)[0] ; x = Hyper() ; x.y = 1 ; x ; 1 ; x() ; '''words'''
def x(): pass ; class x: pass ; async def x(): pass
""".strip(),
    )
)
"""Statements of a line that are put in."""
BLOCKS = tuple(
    """
while 1:
    pass

@Inline()
def x(): x()

@Runtime([], 2)
def x(): return 1

@Learn([Tensor(2)], 2)
def x(a): pass

@Runtime([2], 2)
def x(a): return a

@Runtime([1000, 1000], 2)
def x(a, b): return 0

for x in range(3):
    pass

for x in range(400000):
    pass

for x in x:
    pass

for x in range(0):
    y = 1

for x in range(3):
    pass
else:
    pass

with x as x:
    pass

with x:
    pass

with 1 as x:
    pass

if x == 0:
    pass

if x == 0:
    y = 1
else:
    y = 2

if 1:
    y = 1

try:
    pass
finally:
    pass

if x:
    pass
else:
    pass

if x == 0 and 1:
    pass
else:
    pass

match x:
    case 1: pass
""".strip().split("\n\n")
)
"""Longer statements that are put in."""
