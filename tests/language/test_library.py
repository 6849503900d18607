"""Learnable functions and the library that shares them."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch

from ntpt_pyro import Library, Tensor, learn
from ntpt_pyro.errors import LibraryError, RangeError


@learn([Tensor(4, 4)], 3, hid_sizes=[8, 5])
def see(image):
    """What an image shows."""


@learn([Tensor(2), 3], Tensor(2, 2))
def mix(x, n):
    """A tensor from a tensor and an integer."""


def library_of(*functions, **options):
    library = Library(**options)
    for function in functions:
        library.add(function)
        library.count_steps(1)
    return library


def test_layout_types_and_outputs_are_the_declared_ones():
    library = library_of(see, mix)
    assert see.layer_sizes == (16, 8, 5, 3)
    assert (see.name, see.doc) == ("see", "What an image shows.")
    out = library["see"](torch.rand(7, 2, 4, 4))
    assert out.shape == (7, 2, 3)
    torch.testing.assert_close(out.sum(-1), torch.ones(7, 2))
    assert library["mix"](torch.rand(7, 1, 2), torch.rand(5, 3)).shape == (7, 5, 2, 2)


def test_an_input_of_another_shape_is_refused():
    with pytest.raises(
        RangeError, match=r"see: expected inputs of trailing shapes \[\(4, 4\)\], got \[\(7, 4\)\]"
    ):
        library_of(see)["see"](torch.rand(7, 4))
    with pytest.raises(RangeError, match="mix"):
        library_of(mix)["mix"](torch.rand(2))


def test_building_depends_on_the_seed_alone():
    state = torch.get_rng_state()
    one, same, other = (list(library_of(see, seed=s).parameters()) for s in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_copies_are_functions_of_their_own_evaluated_as_one_batch():
    library = Library([see], copies=3, seed=4)
    images = torch.rand(6, 2, 4, 4)
    together = library["see"](images)
    assert together.shape == (3, 6, 2, 3)
    for r in range(3):
        torch.testing.assert_close(together[r], library.take(torch.tensor([r]))["see"](images))
    two = library.take(torch.tensor([2, 0]))
    torch.testing.assert_close(two["see"](images), together[[2, 0]])


def test_taking_from_a_shared_library_is_the_library_itself():
    library = library_of(see)
    assert library.take(torch.tensor([3])) is library


def test_two_untrained_functions_are_refused_with_the_papers_reason_where_programs_choose():
    library = Library([see])
    library.check_one_untrained()
    library.add(mix)
    with pytest.raises(
        LibraryError, match=r"at most one untrained function, got see and mix; train the first"
    ):
        library.check_one_untrained()
    library.teach(["see"])
    library.count_steps(10)
    library.check_one_untrained()
    assert library.steps == {"see": 10, "mix": 0}
    assert not library.trained


def test_a_name_that_is_taken_or_not_there_is_refused():
    library = Library([see, mix])
    with pytest.raises(LibraryError, match="expected a new name"):
        library.add(see)
    with pytest.raises(LibraryError, match=r"expected one of see, mix, got 'hear'"):
        library["hear"]


class Flattened(torch.nn.Linear):
    """A module of one's own."""

    def __init__(self):
        super().__init__(16, 3)

    def forward(self, images):
        return super().forward(images.flatten(1))


@pytest.mark.parametrize("made_of", [{}, {"hid_sizes": (), "module": Flattened}], ids=["layers", "module"])
@pytest.mark.parametrize(
    "name", ["steps", "copies", "train", "training", "forward", "save", "add", "_modules", "_generator"]
)
def test_a_name_that_a_library_uses_itself_is_a_functions_name_like_another(name, made_of, tmp_path):
    library, images, function = library_of(see), torch.rand(2, 4, 4), replace(see, name=name, **made_of)
    library.add(function)
    library.train()
    library.eval()
    shared = Library()
    shared.share(library, [name])
    library.save(tmp_path / "l.safetensors")
    loaded = Library.load(tmp_path / "l.safetensors", [function])
    assert loaded.steps == library.steps == {"see": 1, name: 0}
    for one in (loaded, shared, deepcopy(library)):
        assert torch.equal(one[name](images), library[name](images))
    assert not torch.equal(library[name](images), library["see"](images))
    copied = library.copied(2, seed=0).eval()
    torch.testing.assert_close(copied.take(torch.tensor([1]))[name](images), copied[name](images)[1])
    assert len(list(library[name].parameters())) == (2 if made_of else 6)


def test_a_library_says_in_one_line_what_is_in_it():
    assert repr(Library()) == "<Library without functions>"
    trained = library_of(see)
    trained.add(mix)
    assert repr(trained) == "<Library see (trained), mix (untrained)>"
    search = Library([mix], copies=16)
    search.share(trained, ["see"])
    assert repr(search) == "<Library mix (untrained), see (trained, shared), 16 copies>"


def test_a_saved_library_comes_back_bit_for_bit(tmp_path):
    library = library_of(see, mix, seed=8)
    library.save(tmp_path / "l.safetensors")
    loaded = Library.load(tmp_path / "l.safetensors")
    assert [f.declaration for f in loaded] == [f.declaration for f in library]
    assert loaded.steps == library.steps
    for mine, theirs in zip(loaded.parameters(), library.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_what_is_no_library_is_refused_in_one_line(tmp_path):
    path = tmp_path / "l.safetensors"
    with pytest.raises(LibraryError, match="got no such file"):
        Library.load(path)
    library_of(see).save(path)
    whole = path.read_bytes()
    for content in (
        b"",
        b"not safetensors",
        whole[: len(whole) // 2],
        whole.replace(b"library 2", b"library 1"),
        b"[" * 100_000,
        whole[:-1] + bytes([whole[-1] ^ 1]),
    ):
        path.write_bytes(content)
        with pytest.raises(LibraryError, match="expected a file of ntpt_pyro library 2") as caught:
            Library.load(path)
        assert "\n" not in str(caught.value)


def test_copies_begin_with_what_is_trained_and_draw_what_is_not():
    library = library_of(see, seed=1)
    library.add(mix)
    copied = library.copied(3, seed=9)
    assert copied.steps == {"see": 1, "mix": 0}
    for mine, theirs in zip(copied["see"].parameters(), library["see"].parameters(), strict=True):
        assert all(torch.equal(copy, theirs) for copy in mine)
    for mine in copied["mix"].parameters():
        assert not torch.equal(mine[0], mine[1])


def test_only_functions_being_taught_get_gradients_and_count_steps():
    library = library_of(see, mix)
    library.teach(["mix"])
    library.count_steps(5)
    assert library.steps == {"see": 2, "mix": 6}
    out = library["see"](torch.rand(2, 4, 4)).sum() + library["mix"](torch.rand(2), torch.rand(3)).sum()
    out.backward()
    assert all(p.grad is None for p in library["see"].parameters())
    assert all(p.grad is not None for p in library["mix"].parameters())
    library.teach(["see", "mix"])
    library["see"](torch.rand(2, 4, 4))[:, 0].sum().backward()
    assert all(p.grad is not None for p in library["see"].parameters())


def test_sharing_is_by_identity_in_the_order_asked_for():
    library = library_of(see, mix)
    view = Library()
    view.share(library, ["mix", "see"])
    assert [f.declaration.name for f in view] == ["mix", "see"]
    assert all(view[name] is library[name] for name in ("mix", "see"))
    assert view.trained
    with pytest.raises(LibraryError, match="expected one of see, mix, got 'hear'"):
        view.share(library, ["hear"])


def test_a_search_library_takes_both_what_is_shared_and_what_is_each_restarts_own():
    trained = library_of(see)
    library = Library(seed=1, copies=3)
    library.share(trained, ["see"])
    library.add(mix)
    x, n = torch.rand(5, 2), torch.rand(5, 3)
    assert library["mix"](x, n).shape == (3, 5, 2, 2)
    assert library["see"](torch.rand(5, 4, 4)).shape == (5, 3)
    one = library.take(torch.tensor([2]))
    torch.testing.assert_close(one["mix"](x, n), library["mix"](x, n)[2])
    images = torch.rand(5, 4, 4)
    assert torch.equal(one["see"](images), trained["see"](images))
    assert one["see"] is not trained["see"]


def test_a_function_that_does_not_fit_the_task_is_refused():
    library = library_of(see)
    library.ensure(see)
    library.ensure(mix)
    assert len(library) == 2

    wider = replace(see, out=4)
    other = library_of(wider)
    with pytest.raises(LibraryError, match=r"'see': expected .* and output 3, got .* and output 4"):
        other.ensure(see)


def test_units_are_dropped_in_training_mode_only():
    function = library_of(see)["see"]
    images = torch.rand(50, 4, 4)
    plain = function(images)
    function.dropout = (0.2, 0.5)
    assert not torch.equal(function(images), plain)
    function.eval()
    assert torch.equal(function(images), plain)
