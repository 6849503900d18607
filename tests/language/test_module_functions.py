"""Networks of one's own: any torch module as a function of a library."""

import functools
import warnings
from copy import deepcopy
from dataclasses import replace

import pyro
import pytest
import torch
from pyro.nn import PyroModule
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from ntpt_pyro import LearnedFunction, Library, Tensor, choice, learn, observe, switch
from ntpt_pyro.errors import LibraryError, RangeError, UsageError
from ntpt_pyro.inference import expectation_maximisation, fit, marginal
from ntpt_pyro.language.module_calls import as_one_batch, one_by_one

IMAGE = Tensor(6, 6)


class CNN(nn.Module):
    """Three numbers for an image, with every kind of layer that has a state or a mode."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.out = nn.Linear(16, 3)

    def forward(self, images):
        hidden = nn.functional.max_pool2d(self.norm(self.conv(images[:, None])).relu(), 2)
        return self.out(self.drop(hidden.flatten(1)))


class Recurrent(nn.Module):
    """Rows of an image one after the other: vmap does not know recurrent layers."""

    def __init__(self):
        super().__init__()
        self.read = nn.LSTM(6, 5, batch_first=True)
        self.norm = nn.BatchNorm1d(5)
        self.out = nn.Linear(5, 3)

    def forward(self, images):
        return self.out(self.norm(self.read(images)[0][:, -1]))


class TwoInputs(nn.Module):
    """A tensor from a vector and an integer."""

    def __init__(self):
        super().__init__()
        self.of_x, self.of_n = nn.Linear(2, 4), nn.Linear(3, 4)

    def forward(self, x, n):
        return (self.of_x(x) * self.of_n(n)).unflatten(-1, (2, 2))


def flat(*layers):
    return nn.Sequential(nn.Flatten(), *layers)


def function_of(module, name="see", out=3) -> LearnedFunction:
    return LearnedFunction(name, (IMAGE,), out, (), "What an image shows.", module)


@learn([IMAGE], 3, module=CNN)
def see(image):
    """What an image shows."""


@learn([Tensor(2), 3], Tensor(2, 2), module=TwoInputs)
def mix(x, n):
    """A tensor from a tensor and an integer."""


def images(*batch, seed=0):
    return torch.rand(*batch, 6, 6, generator=torch.Generator().manual_seed(seed))


def trained(*functions, **options):
    """A library that looks trained: no running statistic is as it began."""
    library = Library(functions, **options)
    library.count_steps(1)
    source = torch.Generator().manual_seed(7)
    for tensor in [*library.parameters(), *library.buffers()]:
        if tensor.is_floating_point():
            tensor.data = tensor.data + 0.5 * torch.rand(tensor.shape, generator=source)
    return library


def states_are_equal(one, other):
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


# Declarations.


def test_hidden_layers_and_a_module_are_refused_together():
    with pytest.raises(UsageError, match="'net': expected hid_sizes or a module, got both"):

        @learn([IMAGE], 3, hid_sizes=[8], module=CNN)
        def net(image):
            pass


def test_a_module_must_be_what_makes_one():
    for made in (CNN(), "CNN"):
        with pytest.raises(UsageError, match="expected a class or function without arguments that") as caught:
            function_of(made)
        assert type(made).__name__ in str(caught.value)


def test_another_module_makes_another_declaration_and_copying_the_same():
    assert see == function_of(CNN)
    assert hash(see) == hash(function_of(CNN))
    assert see != function_of(Recurrent) != function_of(None)
    partly = function_of(functools.partial(CNN))
    assert deepcopy(partly) == partly
    assert see.module_name == partly.module_name == f"{__name__}.CNN"


# Values.


def test_the_module_sees_batches_of_rows_and_integers_are_its_softmax():
    library = trained(see, mix).eval()
    x = images(7, 2)
    logits = library["see"].network(x.reshape(14, 6, 6)).reshape(7, 2, 3)
    assert torch.equal(library["see"](x), logits.softmax(-1))
    assert library["see"](images()).shape == (3,)
    y, n = torch.rand(7, 1, 2), torch.rand(5, 3)
    rows = library["mix"].network(y.expand(7, 5, 2).reshape(35, 2), n.expand(7, 5, 3).reshape(35, 3))
    assert torch.equal(library["mix"](y, n), rows.reshape(7, 5, 2, 2))


def test_an_input_of_another_shape_is_refused():
    with pytest.raises(RangeError, match=r"see: expected inputs of trailing shapes \[\(6, 6\)\], got"):
        Library([see])["see"](torch.rand(7, 6))


def test_building_depends_on_the_seed_alone_and_leaves_random_state_alone():
    state = torch.get_rng_state()
    torch.manual_seed(3)
    for copies in (None, 3):
        one, same, other = (Library([see], seed=seed, copies=copies) for seed in (1, 1, 2))
        assert states_are_equal(one, same)
        assert not states_are_equal(one, other)
    assert torch.equal(torch.get_rng_state(), torch.Generator().manual_seed(3).get_state())
    torch.set_rng_state(state)


def test_a_network_is_in_the_mode_it_was_made_in_and_no_statistic_has_moved_when_it_is_built():
    for copies in (None, 2):
        network = Library([see], copies=copies)["see"].network
        assert all(module.training for module in network.modules())
        assert not network.norm.num_batches_tracked.any()
        assert not network.norm.running_mean.any()


def test_a_network_that_its_maker_keeps_is_copied():
    kept = CNN()
    function = function_of(lambda: kept)
    one, other = trained(function), Library([function])
    assert one["see"].network is not kept
    assert states_are_equal(other["see"].network, kept)
    assert all(
        torch.equal(copy, p)
        for p, q in zip(kept.parameters(), Library([function], copies=2).parameters(), strict=True)
        for copy in q
    )


def test_lazy_layers_learn_their_sizes_when_built():
    for copies in (None, 2):
        library = Library([function_of(lambda: flat(nn.LazyLinear(3)))], copies=copies)
        assert sum(p.numel() for p in library.parameters()) == (copies or 1) * (36 * 3 + 3)


# Restarts.


def lazy_cnn():
    convolutions = nn.Unflatten(1, (1, 6)), nn.LazyConv2d(2, 3), nn.GroupNorm(1, 2), nn.LazyConv2d(3, 4)
    return nn.Sequential(*convolutions, nn.Flatten())


def transformer():
    return nn.Sequential(
        nn.TransformerEncoderLayer(6, 2, 8, batch_first=True), nn.Flatten(), nn.Linear(36, 3)
    )


def maker(*layers):
    return lambda: flat(*(layer() for layer in layers))


@pytest.mark.parametrize(
    ("module", "evaluate"),
    [
        (CNN, as_one_batch),
        (lazy_cnn, as_one_batch),
        (Recurrent, one_by_one),
        (maker(lambda: spectral_norm(nn.Linear(36, 3))), one_by_one),
        (lambda: flat(nn.Linear(36, 4), nn.BatchNorm1d(4, momentum=None), nn.Linear(4, 3)), one_by_one),
        (transformer, one_by_one),
        (maker(functools.partial(nn.Linear, 36, 3, bias=False), nn.Identity), as_one_batch),
    ],
    ids=["cnn", "lazy", "lstm", "spectral norm", "no momentum", "transformer", "linear"],
)  # fmt: skip
def test_copies_are_functions_of_their_own(module, evaluate):
    library = trained(function_of(module), copies=3, seed=4)
    function = library["see"]
    assert function._evaluate_restarts is evaluate
    library.eval()
    x = images(6, 2)
    together = function(x)
    assert together.shape == (3, 6, 2, 3)
    assert not torch.allclose(together[0], together[1])
    for r in range(3):
        alone = library.take(torch.tensor([r])).eval()
        assert alone["see"].copies is None
        torch.testing.assert_close(alone["see"](x), together[r])
    two = library.take(torch.tensor([2, 0])).eval()
    torch.testing.assert_close(two["see"](x), together[[2, 0]])


@pytest.mark.parametrize("module", [CNN, Recurrent])
def test_gradients_and_statistics_of_copies_are_those_of_each_alone(module):
    library = trained(function_of(module), copies=3)
    singles = [library.take(torch.tensor([r]))["see"] for r in range(3)]
    for function in (library["see"], *singles):
        for layer in function.network.modules():
            if isinstance(layer, nn.Dropout):
                layer.p = 0.0
    x, weights = images(8), torch.rand(3, 8, 3)
    for _ in range(2):  # a program may call a function several times in a step
        library["see"](images(5, seed=1))
    (library["see"](x) * weights).sum().backward()
    for r, single in enumerate(singles):
        for _ in range(2):
            single(images(5, seed=1))
        (single(x) * weights[r]).sum().backward()
        for together, alone in zip(library.parameters(), single.parameters(), strict=True):
            torch.testing.assert_close(together.grad[r], alone.grad, rtol=1e-4, atol=1e-6)
        for together, alone in zip(library.buffers(), single.buffers(), strict=True):
            torch.testing.assert_close(together[r], alone)
        assert int(single.network.norm.num_batches_tracked) == 3


def test_the_loss_of_one_restart_teaches_its_copy_alone():
    library = Library([see], copies=3)
    library["see"](images(5))[1].square().sum().backward()
    for parameter in library.parameters():
        assert not parameter.grad[[0, 2]].any()
    assert library["see"].network.out.weight.grad[1].any()


def test_each_copy_drops_units_of_its_own():
    library = Library([function_of(lambda: flat(nn.Dropout(0.5), nn.Linear(36, 3)))], copies=2)
    for parameter in library.parameters():
        parameter.data = parameter.data[:1].expand_as(parameter).clone()
    x = images(4)
    one, other = library["see"](x)
    assert not torch.allclose(one, other)
    library.eval()
    one, other = library["see"](x)
    assert torch.equal(one, other)


def test_tied_weights_stay_tied(tmp_path):
    def tied():
        network = flat(nn.Linear(36, 36), nn.ReLU(), nn.Linear(36, 36), nn.Linear(36, 3))
        network[3].weight = network[1].weight
        return network

    function = function_of(tied)
    copies = trained(function, copies=2)
    single = copies.take(torch.tensor([1]))
    for library in (copies, single):
        network = library["see"].network
        assert network[1].weight is network[3].weight
    torch.testing.assert_close(single["see"](images(4)), copies["see"](images(4))[1])
    single.save(tmp_path / "l.safetensors")
    assert states_are_equal(Library.load(tmp_path / "l.safetensors", [function]), single)


# When it learns.


def test_what_is_not_taught_is_called_as_it_is():
    library = trained(see, replace(see, name="other"))
    before = deepcopy(library["see"].state_dict())
    library.teach(["other"])
    x = images(6).requires_grad_()
    out = library["see"](x)
    torch.testing.assert_close(out, deepcopy(library).eval()["see"](x))
    (out.square().sum() + library["other"](x).square().sum()).backward()
    assert x.grad.any()
    assert all(p.grad is None for p in library["see"].parameters())
    assert all(p.grad is not None for p in library["other"].parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in library["see"].state_dict().items())
    assert int(library["other"].network.norm.num_batches_tracked) == 1


@pytest.mark.parametrize("copies", [None, 2])
def test_without_gradients_it_is_called_as_in_evaluation_mode(copies):
    library = trained(see, copies=copies)
    before = deepcopy(library.state_dict())
    with torch.no_grad():
        found = library["see"](images(6))
    assert all(module.training for module in library["see"].modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in library.state_dict().items())
    torch.testing.assert_close(found, library.eval()["see"](images(6)))


@pytest.mark.parametrize("copies", [None, 3])
def test_what_is_not_taught_has_no_gradient_in_copies_either(copies):
    library = trained(see, copies=copies)
    library.teach([])
    assert not library["see"](images(6)).requires_grad


# Libraries.


def test_copies_begin_with_what_is_trained_and_draw_what_is_not():
    library = trained(see, seed=1)
    library.add(replace(see, name="new"))
    copied = library.copied(3, seed=9)
    assert copied.steps == {"see": 1, "new": 0}
    x = images(5)
    for copy in copied.eval()["see"](x):
        torch.testing.assert_close(copy, library.eval()["see"](x))
    one, other, _ = copied["new"](x)
    assert not torch.allclose(one, other)


def test_a_search_library_takes_both_what_is_shared_and_what_is_each_restarts_own():
    library = Library(seed=1, copies=3)
    shared = trained(see)
    library.share(shared, ["see"])
    library.add(replace(see, name="own"))
    one = library.take(torch.tensor([2]))
    assert states_are_equal(one["see"], shared["see"])
    assert one["see"] is not shared["see"]
    torch.testing.assert_close(one.eval()["own"](images(4)), library.eval()["own"](images(4))[2])


@pytest.mark.parametrize("copies", [None, 3])
def test_a_deep_copy_is_a_library_of_its_own(copies):
    library = trained(see, copies=copies)
    twin = deepcopy(library)
    assert states_are_equal(twin, library)
    assert twin["see"].declaration == library["see"].declaration
    twin["see"](images(6)).square().sum().backward()
    assert all(p.grad is None for p in library.parameters())
    assert not states_are_equal(twin, library)  # its statistics have moved


def test_a_saved_library_comes_back_bit_for_bit_given_the_declaration(tmp_path):
    @learn([IMAGE], 4, hid_sizes=[5])
    def plain(image):
        """A network that is fully connected."""

    library = trained(plain, see, seed=8)
    library["see"].network.norm.num_batches_tracked += 2**53
    library.save(tmp_path / "l.safetensors")
    loaded = Library.load(tmp_path / "l.safetensors", [see, mix])
    assert [f.declaration for f in loaded] == [plain, see]
    assert loaded.steps == library.steps
    assert states_are_equal(loaded, library)
    assert int(loaded["see"].network.norm.num_batches_tracked) == 2**53
    loaded.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "l.safetensors").read_bytes()


def test_a_file_without_its_declaration_is_refused_and_names_the_class(tmp_path):
    path = tmp_path / "l.safetensors"
    trained(see).save(path)
    with pytest.raises(LibraryError) as caught:
        Library.load(path)
    assert str(caught.value) == (
        f"{path}: library function 'see': expected the declaration of {__name__}.CNN, which computes it, "
        "got none; give its declaration (functions=[...]), or name the task's file"
    )
    with pytest.raises(LibraryError, match="got one without a module"):
        Library.load(path, [replace(see, module=None)])
    with pytest.raises(LibraryError, match=r"'see': expected .* output 4, got .* output 3"):
        Library.load(path, [replace(see, out=4)])
    with pytest.raises(
        LibraryError,
        match=rf"'see': expected the weights of {__name__}.Recurrent, with shape \[20, 6\] for "
        "see.network.read.weight_ih_l0, got none; give the declaration that it was saved with",
    ):
        Library.load(path, [replace(see, module=Recurrent)])


def test_a_damaged_file_is_refused_in_one_line(tmp_path):
    path = tmp_path / "l.safetensors"
    trained(see).save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(LibraryError, match="expected a file of ntpt_pyro library 2") as caught:
        Library.load(path, [see])
    assert "\n" not in str(caught.value)


# What is wrong with a module is said when it is built.


@pytest.mark.parametrize("copies", [None, 2])
@pytest.mark.parametrize(
    ("module", "message"),
    [
        (maker(functools.partial(nn.Linear, 36, 4)),
         r"see: expected logits of shape [2, 3] from its module for 2 rows of inputs, got [2, 4]; "
         r"let it return [N, 3] for inputs of N rows"),
        (lambda: nn.LSTM(6, 3), "got an object of class tuple"),
        (lambda: flat(nn.Linear(36, 3), ArgMax()), "got [2] of torch.int64"),
    ],
    ids=["size", "tuple", "integers"],
)  # fmt: skip
def test_a_result_that_was_not_declared(module, message, copies):
    with pytest.raises(RangeError) as caught:
        Library([function_of(module)], copies=copies)
    assert message in str(caught.value)


class ArgMax(nn.Module):
    def forward(self, x):
        return x.argmax(-1)


def test_a_result_that_depends_on_the_number_of_rows_is_refused_when_called():
    class Squeezed(nn.Linear):
        def forward(self, x):
            return super().forward(x.flatten(1)).squeeze()

    for copies, leading in ((None, ""), (2, "2, ")):
        library = Library([function_of(lambda: Squeezed(36, 3))], copies=copies)
        library["see"](images(2))
        with pytest.raises(RangeError, match=rf"shape \[{leading}1, 3\] .* got \[{leading}3\]"):
            library["see"](images(1))


@pytest.mark.parametrize("copies", [None, 2])
@pytest.mark.parametrize(
    ("module", "message", "cause"),
    [
        (maker(functools.partial(nn.Linear, 30, 3)), "(mat1 and mat2 shapes cannot be mul", RuntimeError),
        (lambda: 1 / 0, "got ZeroDivisionError (division by zero)", ZeroDivisionError),
        (nn.Linear, "got TypeError", TypeError),
        (dict, "expected a torch module from builtins.dict, got an object of class dict", None),
        (lambda: PyroModule[nn.Linear](6, 3), "got a PyroModule; build it of torch.nn", None),
    ],
    ids=["sizes", "maker", "arguments", "no module", "PyroModule"],
)  # fmt: skip
def test_a_module_that_cannot_be_made_or_called(module, message, cause, copies):
    with pytest.raises(LibraryError, match="learnable function 'see': expected") as caught:
        Library([function_of(module)], copies=copies)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value.__cause__, cause or type(None))


def test_copies_of_what_is_not_in_parameters_and_buffers_are_refused():
    class Features(nn.Linear):
        def __init__(self):
            super().__init__(36, 3)
            self.directions = torch.randn(36, 36)

        def forward(self, x):
            return super().forward((x.flatten(1) @ self.directions).cos())

    with pytest.raises(LibraryError, match="got other results with the same ones; register tensors"):
        Library([function_of(Features)], copies=2)
    Library([function_of(lambda: flat(AlwaysDropout(), nn.Linear(36, 3)))], copies=2)  # is only random


class AlwaysDropout(nn.Module):
    def forward(self, x):
        return nn.functional.dropout(x)


def test_copies_of_several_layouts_are_refused():
    sizes = iter((4, 5))
    with pytest.raises(LibraryError, match="expected networks of one layout"):
        Library([function_of(lambda: flat(nn.Linear(36, (n := next(sizes))), nn.Linear(n, 3)))], copies=2)


# Training.


def problem(library, xs):
    """Images of which one column is lit: a network reads it, and a program mirrors what it reads."""

    def model(xs, ys=None):
        flip = choice("flip", 2)
        with pyro.plate("examples", len(xs), dim=-1):
            read = library["see"](xs)
            observe("out", switch(flip, [read, read.flip(-1)]), ys)

    return model, (xs, xs.sum(1)[:, ::2].argmax(-1))


def lit(examples):
    source = torch.Generator().manual_seed(3)
    column = torch.randint(3, (examples,), generator=source)
    return images(examples, seed=2) * 0.5 + nn.functional.one_hot(2 * column, 6)[:, None, :]


@pytest.mark.parametrize("copies", [None, 3])
def test_a_fit_teaches_it_with_its_program(copies):
    library = Library([see], copies=copies, seed=1)
    model, data = problem(library, lit(60))
    state = torch.get_rng_state()
    fit(model, data, strategy=marginal(), restarts=3, library=library, steps=60, library_lr=0.02)
    assert torch.equal(torch.get_rng_state(), state)
    assert (library["see"].network.norm.num_batches_tracked == 60).all()
    read = library.eval()["see"](data[0]).argmax(-1)
    right = torch.stack([read == data[1], read == 2 - data[1]]).float().mean(-1)
    assert right.max() > 0.9


@pytest.mark.parametrize("module", [CNN, Recurrent])
def test_a_broken_run_goes_on_as_if_it_had_not_been(tmp_path, module):
    def run(steps, checkpoint=None):
        library = Library([function_of(module)], copies=2)
        model, data = problem(library, lit(40))
        losses = fit(
            model, data, restarts=2, library=library, steps=steps, checkpoint=checkpoint, checkpoint_every=4
        ).losses
        return library, losses

    whole, losses = run(9)
    run(5, tmp_path / "c.safetensors")
    resumed, again = run(9, tmp_path / "c.safetensors")
    assert again == losses
    assert states_are_equal(resumed, whole)


def test_layers_that_never_learn_are_left_alone_without_a_warning():
    def partly_frozen():
        network = CNN()
        network.conv.requires_grad_(False)
        return network

    for copies in (None, 2):
        library = Library([function_of(partly_frozen)], copies=copies)
        before = deepcopy(library["see"].network.state_dict())
        model, data = problem(library, lit(40))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            fit(model, data, restarts=2, library=library, steps=3)
        after = library["see"].network.state_dict()
        moved = {name for name in before if not torch.equal(before[name], after[name])}
        assert {"out.weight", "norm.running_mean"} <= moved
        assert not {"conv.weight", "conv.bias"} & moved


def test_a_layout_in_memory_that_pyro_would_copy_is_trained_in_place():
    def transposed():
        network = flat(nn.Linear(36, 3))
        network[1].weight = nn.Parameter(torch.randn(36, 3).T)
        return network

    library = Library([function_of(transposed)])
    before = library["see"].network[1].weight.clone()
    model, data = problem(library, lit(40))
    fit(model, data, library=library, steps=2)
    assert not torch.equal(library["see"].network[1].weight, before)


def test_expectation_maximisation_learns_it():
    library = Library([see])
    model, (xs, ys) = problem(library, lit(80))
    found = expectation_maximisation(
        model, (xs[:20], ys[:20]), (xs[20:], ys[20:]), library=library, steps=40, library_lr=0.02
    )
    assert found[-1].behaviours[0].probability > 0.99
