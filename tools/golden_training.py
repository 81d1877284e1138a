#!/usr/bin/env python3
"""Makes the *.safetensors among the test resources of training and examples: what PyTorch computes for every
layer, loss, optimiser and schedule, torchvision for every transform, and scikit-learn for every metric. Needs torch,
torchvision, scikit-learn and safetensors; the build and the tests do not run it.

    python3 tools/golden_training.py

Names: CASE/in.N and CASE/state.NAME are what a case takes, CASE/out.N what it gives, CASE/grad.in.N and
CASE/grad.NAME the gradients of sum(out.N * cotangent.N), CASE/trained.NAME where 10 steps on it end.
"""
import math
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import save_file

torch.set_num_threads(1)
ROOT = os.path.join(os.path.dirname(__file__), "..")


def save(name, tensors, folder="training/src/test/resources/dev/gamelan/golden"):
    path = os.path.join(ROOT, folder, name + ".safetensors")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    save_file({k: v.detach().clone().contiguous() for k, v in tensors.items()}, path)
    os.chmod(path, 0o644)


# ---- layers

layers = {}


def layer(name, module, *inputs, forward=None, keep=None):
    """Records values and gradients; `keep` renames or drops entries of the state."""
    if module is not None:
        for p in module.parameters():
            with torch.no_grad():
                p.copy_(torch.randn_like(p) * 0.5)
    state = dict(module.named_parameters()) if module is not None else {}
    leaves = [x.clone().requires_grad_(x.is_floating_point()) for x in inputs]
    if module is not None:
        for k, v in module.state_dict().items():
            if v.is_floating_point():
                layers[f"{name}/state.{k}"] = v.clone()
    outputs = (forward or module)(*leaves)
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    loss = 0
    for i, y in enumerate(outputs):
        c = torch.randn_like(y)
        layers[f"{name}/cotangent.{i}"] = c
        layers[f"{name}/out.{i}"] = y
        loss = loss + (y * c).sum()
    for i, x in enumerate(leaves):
        layers[f"{name}/in.{i}"] = x
    wanted = [(f"grad.in.{i}", x) for i, x in enumerate(leaves) if x.requires_grad] + [(f"grad.{k}", p) for k, p in state.items()]
    grads = torch.autograd.grad(loss, [x for _, x in wanted], allow_unused=True)
    for (k, x), g in zip(wanted, grads):
        layers[f"{name}/{k}"] = torch.zeros_like(x) if g is None else g
    if state:
        ten_steps(name, state, forward or module, inputs)


def ten_steps(name, state, forward, inputs):
    """Where 10 steps of gradient descent on the same loss take the parameters."""
    start = {k: p.detach().clone() for k, p in state.items()}
    opt = torch.optim.SGD(state.values(), 0.01)
    for _ in range(10):
        opt.zero_grad()
        outputs = forward(*inputs)
        outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        sum((y * layers[f"{name}/cotangent.{i}"]).sum() for i, y in enumerate(outputs)).backward()
        opt.step()
    for k, p in state.items():
        layers[f"{name}/trained.{k}"] = p.detach().clone()
        with torch.no_grad():
            p.copy_(start[k])


torch.manual_seed(1)
R = torch.randn
layer("linear", nn.Linear(5, 3), R(2, 4, 5))
layer("linear_no_bias", nn.Linear(5, 3, bias=False), R(4, 5))
layer("conv1d", nn.Conv1d(4, 6, 3, stride=2, padding=1, groups=2), R(2, 4, 9))
layer("conv2d", nn.Conv2d(3, 4, 3, padding=2, dilation=2), R(2, 3, 6, 5))
layer("conv2d_no_bias", nn.Conv2d(2, 3, 2, bias=False), R(1, 2, 4, 4))
layer("conv3d", nn.Conv3d(2, 3, 2, stride=2), R(1, 2, 4, 4, 4))
layer("conv_transpose1d", nn.ConvTranspose1d(3, 4, 3, stride=2, padding=1, output_padding=1), R(2, 3, 5))
layer("conv_transpose2d", nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, groups=2, dilation=2), R(2, 4, 3, 4))
layer("conv_transpose3d", nn.ConvTranspose3d(2, 3, 2, stride=2, bias=False), R(1, 2, 2, 3, 2))
layer("max_pool1d", nn.MaxPool1d(3, stride=2, padding=1), R(2, 3, 8))
layer("max_pool2d", nn.MaxPool2d(2), R(2, 3, 6, 5))
layer("max_pool2d_dilated", nn.MaxPool2d(2, stride=1, dilation=2), R(1, 2, 5, 6))
layer("avg_pool2d", nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False), R(2, 3, 6, 5))
layer("avg_pool2d_count_padding", nn.AvgPool2d(3, stride=2, padding=1), R(2, 3, 6, 5))
layer("avg_pool3d", nn.AvgPool3d(2), R(1, 2, 4, 4, 4))
layer("adaptive_avg_pool1d", nn.AdaptiveAvgPool1d(3), R(2, 3, 7))
layer("adaptive_avg_pool2d", nn.AdaptiveAvgPool2d((3, 4)), R(2, 3, 7, 10))
layer("adaptive_avg_pool2d_up", nn.AdaptiveAvgPool2d((5, 1)), R(2, 2, 3, 4))
layer("adaptive_max_pool2d", nn.AdaptiveMaxPool2d((3, 4)), R(2, 3, 7, 10))
layer("adaptive_avg_pool3d", nn.AdaptiveAvgPool3d((1, 2, 3)), R(1, 2, 3, 5, 4))
layer("embedding", nn.Embedding(7, 4), torch.tensor([[1, 2, 2], [6, 0, 1]], dtype=torch.int32))
layer("layer_norm", nn.LayerNorm(6), R(2, 3, 6))
layer("layer_norm_2_axes", nn.LayerNorm((3, 4), eps=1e-3), R(2, 3, 4))
layer("layer_norm_no_bias", nn.LayerNorm(6, bias=False), R(4, 6))
layer("rms_norm", nn.RMSNorm(6, eps=1e-6), R(2, 3, 6))
layer("group_norm", nn.GroupNorm(2, 4), R(3, 4, 5))
layer("group_norm_2d", nn.GroupNorm(4, 4), R(2, 4, 3, 3))
for mode in ("training", "inference"):
    bn = nn.BatchNorm2d(3).train(mode == "training")
    bn.running_mean.copy_(R(3))
    bn.running_var.copy_(torch.rand(3) + 0.5)
    layer("batch_norm_" + mode, bn, R(4, 3, 2, 2))
    for k in ("running_mean", "running_var"):
        layers[f"batch_norm_{mode}/after.{k}"] = getattr(bn, k)
bn = nn.BatchNorm1d(4, eps=1e-3, momentum=0.3)
layer("batch_norm_options", bn, R(5, 4))
for k in ("running_mean", "running_var"):
    layers[f"batch_norm_options/after.{k}"] = getattr(bn, k)


def lstm(module):
    def run(x, h, c):
        y, (h, c) = module(x, (h, c))
        return y, h, c
    return run


m = nn.LSTM(3, 4)
layer("lstm", m, R(5, 2, 3), R(1, 2, 4), R(1, 2, 4), forward=lstm(m))
m = nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True)
layer("lstm_stacked_both_ways", m, R(2, 5, 3), R(4, 2, 4), R(4, 2, 4), forward=lstm(m))
m = nn.LSTM(3, 4, bias=False)
layer("lstm_from_zeros", m, R(5, 2, 3), forward=lambda x: [m(x)[0], *m(x)[1]])
g = nn.GRU(3, 4)
layer("gru", g, R(5, 2, 3), R(1, 2, 4))
g2 = nn.GRU(3, 4, num_layers=2, bidirectional=True)
layer("gru_stacked_both_ways", g2, R(5, 2, 3), R(4, 2, 4))
g3 = nn.GRU(3, 4, bias=False, batch_first=True)
layer("gru_from_zeros", g3, R(2, 5, 3))

a = nn.MultiheadAttention(8, 2, batch_first=True)
layer("attention", a, R(2, 5, 8), forward=lambda x: a(x, x, x, need_weights=False)[0])
a1 = nn.MultiheadAttention(8, 2, batch_first=True, bias=False)
causal = torch.triu(torch.ones(5, 5, dtype=torch.bool), 1)
layer("attention_causal", a1, R(2, 5, 8), forward=lambda x: a1(x, x, x, need_weights=False, attn_mask=causal)[0])
a2 = nn.MultiheadAttention(8, 4, batch_first=True)
padding = torch.tensor([[False] * 5, [False, False, False, True, True]])
layer("attention_lengths", a2, R(2, 5, 8), forward=lambda x: a2(x, x, x, need_weights=False, key_padding_mask=padding)[0])
a3 = nn.MultiheadAttention(8, 2, batch_first=True)
layer("attention_cross_added_mask", a3, R(2, 3, 8), R(2, 5, 8), R(3, 5),
      forward=lambda x, y, mask: a3(x, y, y, need_weights=False, attn_mask=mask)[0])
a4 = nn.MultiheadAttention(8, 2, batch_first=True)
seen = torch.tensor([[1, 0, 1, 1, 1], [0, 1, 1, 0, 1], [1, 1, 1, 1, 0]], dtype=torch.bool)
layer("attention_cross_bool_mask", a4, R(2, 3, 8), R(2, 5, 8), seen,
      forward=lambda x, y, mask: a4(x, y, y, need_weights=False, attn_mask=~mask)[0])

x = torch.cat([R(20) * 3, torch.tensor([0.0])])
layer("leaky_relu", None, x, forward=lambda x: F.leaky_relu(x, 0.1))
layer("elu", None, x, forward=lambda x: F.elu(x, 1.5))
layer("selu", None, x, forward=F.selu)
layer("gelu_tanh", None, x, forward=lambda x: F.gelu(x, approximate="tanh"))
layer("softplus", None, torch.cat([x, torch.tensor([-60.0, 15.0])]), forward=F.softplus)
layer("mish", None, x, forward=F.mish)
layer("hard_swish", None, x, forward=F.hardswish)
save("layers", layers)

# ---- losses: the same names; out.0 is the loss

layers = {}
P, T = R(4, 3), R(4, 3)
layer("mean_squared", None, P, T, forward=F.mse_loss)
layer("l1", None, P, T, forward=F.l1_loss)
layer("smooth_l1", None, P, T, forward=lambda p, t: F.smooth_l1_loss(p, t, beta=0.7))
labels = torch.tensor([1, 4, 0, 2, 3], dtype=torch.int64)
L = R(5, 5)
layer("cross_entropy", None, L, labels, forward=F.cross_entropy)
layer("cross_entropy_smoothed", None, L, labels, forward=lambda x, y: F.cross_entropy(x, y, label_smoothing=0.1))
w = torch.rand(5) + 0.5
layer("cross_entropy_weighted", None, L, labels, w, forward=lambda x, y, w: F.cross_entropy(x, y, weight=w.detach(), label_smoothing=0.2))
ignored = torch.tensor([1, -100, 0, -100, 3], dtype=torch.int64)
layer("cross_entropy_ignored", None, L, ignored, forward=lambda x, y: F.cross_entropy(x, y, label_smoothing=0.1))
layer("bce_with_logits", None, torch.cat([R(6) * 3, torch.tensor([0.0, 40.0, -40.0])]), torch.cat([torch.rand(6), torch.tensor([1.0, 1.0, 0.0])]),
      forward=F.binary_cross_entropy_with_logits)
q = torch.softmax(R(3, 4), -1)
q[0] = torch.tensor([0.0, 0.5, 0.5, 0.0])
layer("kl_divergence", None, torch.log_softmax(R(3, 4), -1), q, forward=lambda p, t: F.kl_div(p, t.detach(), reduction="batchmean"))
layer("triplet_margin", None, R(4, 5), R(4, 5), R(4, 5), forward=lambda a, p, n: F.triplet_margin_loss(a, p, n, margin=1.5))
same = torch.tensor([True, False, True, False])


def contrastive(a, b, same):
    d = F.pairwise_distance(a, b)
    return (torch.where(same, d ** 2, F.relu(4 - d) ** 2) / 2).mean()


layer("contrastive", None, R(4, 5), R(4, 5), same, forward=contrastive)
layer("cosine_embedding", None, R(4, 5), R(4, 5), same,
      forward=lambda a, b, s: F.cosine_embedding_loss(a, b, torch.where(s, 1, -1), margin=0.1))


def ctc(blank):
    def run(x, y, n, m):
        return F.ctc_loss(torch.log_softmax(x, -1), y, n.long(), m.long(), blank=blank)
    return run


layer("ctc", None, R(8, 3, 5), torch.tensor([[1, 2, 2], [3, 4, 1], [1, 1, 0]], dtype=torch.int32),
      torch.tensor([8, 6, 7], dtype=torch.int32), torch.tensor([3, 2, 2], dtype=torch.int32), forward=ctc(0))
layer("ctc_last_blank", None, R(6, 2, 4), torch.tensor([[0, 2], [1, 1]], dtype=torch.int32),
      torch.tensor([6, 4], dtype=torch.int32), torch.tensor([2, 1], dtype=torch.int32), forward=ctc(3))
save("losses", layers)

# ---- optimisers: 10 steps of a small network on fixed batches

data = {}
torch.manual_seed(2)
net = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))
start = {k: v.clone() for k, v in net.state_dict().items()}
for k, v in start.items():
    data[f"start.{k}"] = v
xs, ys = R(10, 8, 4), R(10, 8, 3)
data["x"], data["y"] = xs, ys


class Lion(torch.optim.Optimizer):
    """Algorithm 2 of arXiv:2302.06675."""

    def __init__(self, params, lr, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                update = (b1 * m + (1 - b1) * p.grad).sign()
                p.sub_(group["lr"] * (update + group["weight_decay"] * p))
                m.copy_(b2 * m + (1 - b2) * p.grad)


def train(name, make, before=lambda: None, accumulate=1, average=None, schedule=None):
    net.load_state_dict(start)
    opt = make(net.parameters())
    losses = []
    mean = {k: v.clone() for k, v in net.state_dict().items()}
    for i in range(0, 10, accumulate):
        opt.zero_grad()
        total = 0
        for j in range(accumulate):
            loss = F.mse_loss(net(xs[i + j]), ys[i + j]) / accumulate
            loss.backward()
            total += loss.item()
        losses.append(total)
        before()
        if schedule:
            for group in opt.param_groups:
                group["lr"] = schedule(i) * group.get("scale", 1)
        opt.step()
        if average:
            for k, v in net.state_dict().items():
                mean[k] = average * mean[k] + (1 - average) * v
    data[f"{name}/losses"] = torch.tensor(losses)
    for k, v in (mean if average else net.state_dict()).items():
        data[f"{name}/end.{k}"] = v.clone()


O = torch.optim
train("sgd", lambda p: O.SGD(p, 0.1))
train("sgd_momentum", lambda p: O.SGD(p, 0.05, momentum=0.9, weight_decay=0.01))
train("sgd_nesterov", lambda p: O.SGD(p, 0.05, momentum=0.9, nesterov=True))
train("adam", lambda p: O.Adam(p, 0.02))
train("adam_decay", lambda p: O.Adam(p, 0.02, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1))
train("adamw", lambda p: O.AdamW(p, 0.02, weight_decay=0.1))
train("adagrad", lambda p: O.Adagrad(p, 0.1))
train("adagrad_decay", lambda p: O.Adagrad(p, 0.1, lr_decay=0.1, weight_decay=0.01, initial_accumulator_value=0.2, eps=1e-6))
train("rmsprop", lambda p: O.RMSprop(p, 0.01))
train("rmsprop_centered", lambda p: O.RMSprop(p, 0.01, alpha=0.9, centered=True, momentum=0.5, weight_decay=0.01))
train("lion", lambda p: Lion(p, 0.01))
train("lion_decay", lambda p: Lion(p, 0.01, betas=(0.95, 0.98), weight_decay=0.1))
train("adafactor", lambda p: O.Adafactor(p, foreach=False))
train("adafactor_decay", lambda p: O.Adafactor(p, lr=0.5, d=1.2, weight_decay=0.05, beta2_decay=-0.6, foreach=False))


def groups(p):
    p = list(p)
    return O.AdamW([{"params": [q for q in p if q.dim() > 1], "weight_decay": 0.2, "lr": 0.02, "scale": 1},
                    {"params": [q for q in p if q.dim() < 2], "weight_decay": 0.0, "lr": 0.004, "scale": 0.2}])


train("groups", groups, schedule=lambda i: 0.02 / (i + 1))
train("clip_norm", lambda p: O.SGD(p, 0.5), before=lambda: nn.utils.clip_grad_norm_(net.parameters(), 0.3))
train("clip_value", lambda p: O.SGD(p, 0.5), before=lambda: nn.utils.clip_grad_value_(net.parameters(), 0.05))
train("accumulated", lambda p: O.Adam(p, 0.02), accumulate=2)
train("averaged", lambda p: O.SGD(p, 0.1), average=0.7)

# ---- schedules: the rates of 60 steps


def rates(name, make, base=0.5, steps=60, observe=None):
    p = nn.Parameter(torch.zeros(1))
    opt = O.SGD([p], base)
    schedule = make(opt)
    values = []
    for i in range(steps):
        values.append(opt.param_groups[0]["lr"])
        opt.step()
        schedule.step(observe(i)) if observe else schedule.step()
    data[f"schedule/{name}"] = torch.tensor(values, dtype=torch.float64)


S = O.lr_scheduler
rates("constant", lambda o: S.ConstantLR(o, 1.0))
rates("linear", lambda o: S.LinearLR(o, 1.0, 0.2, 40))
rates("cosine", lambda o: S.SequentialLR(o, [S.CosineAnnealingLR(o, 40, 0.05), S.ConstantLR(o, 0.1, 10 ** 9)], [40]))
rates("step", lambda o: S.StepLR(o, 7, 0.6))
rates("exponential", lambda o: S.ExponentialLR(o, 0.95))
rates("one_cycle", lambda o: S.OneCycleLR(o, 0.5, 60))
rates("sequence", lambda o: S.SequentialLR(o, [S.LinearLR(o, 0.1, 1.0, 10), S.ExponentialLR(o, 0.9)], [10]))
# nanoGPT's warm-up and cosine.
rates("warm_up_cosine", lambda o: S.LambdaLR(o, lambda i: (i + 1) / 11 if i < 10 else
      (0.1 + 0.5 * (1 + math.cos(math.pi * min(1, (i - 10) / 40))) * 0.9)))
observed = [1.0, 0.9, 0.9, 0.9, 0.9, 0.89, 0.95, 0.95, 0.95, 0.95] + [0.89] * 50
data["schedule/plateau_observed"] = torch.tensor(observed, dtype=torch.float64)
rates("plateau", lambda o: S.ReduceLROnPlateau(o, factor=0.5, patience=2, threshold=1e-3, min_lr=0.01), observe=lambda i: observed[i])
save("optimizers", data)

# ---- a small GPT: the first 20 losses, from a fixed beginning and batches


class Gpt(nn.Module):
    """nanoGPT's model without bias and dropout, its output head tied to the embedding."""

    def __init__(self, vocabulary, layers, heads, width, block):
        super().__init__()
        self.heads = heads
        self.transformer = nn.ModuleDict({
            "wte": nn.Embedding(vocabulary, width),
            "wpe": nn.Embedding(block, width),
            "h": nn.ModuleList([nn.ModuleDict({
                "ln_1": nn.LayerNorm(width, bias=False),
                "attn": nn.ModuleDict({"c_attn": nn.Linear(width, 3 * width, bias=False), "c_proj": nn.Linear(width, width, bias=False)}),
                "ln_2": nn.LayerNorm(width, bias=False),
                "mlp": nn.ModuleDict({"c_fc": nn.Linear(width, 4 * width, bias=False), "c_proj": nn.Linear(4 * width, width, bias=False)}),
            }) for _ in range(layers)]),
            "ln_f": nn.LayerNorm(width, bias=False),
        })

    def forward(self, tokens, targets):
        t = self.transformer
        n, s = tokens.shape
        x = t["wte"](tokens) + t["wpe"](torch.arange(s))
        for h in t["h"]:
            q, k, v = (y.view(n, s, self.heads, -1).transpose(1, 2) for y in h["attn"]["c_attn"](h["ln_1"](x)).chunk(3, -1))
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + h["attn"]["c_proj"](y.transpose(1, 2).reshape(n, s, -1))
            x = x + h["mlp"]["c_proj"](F.gelu(h["mlp"]["c_fc"](h["ln_2"](x))))
        logits = t["ln_f"](x) @ t["wte"].weight.T
        return F.cross_entropy(logits.view(-1, logits.size(-1)), targets.reshape(-1))


torch.manual_seed(3)
gpt = Gpt(20, 1, 4, 32, 16)
for name, p in gpt.named_parameters():
    if p.dim() > 1:
        nn.init.normal_(p, 0, 0.02 / math.sqrt(2) if name.endswith("c_proj.weight") else 0.02)
fixture = {f"start.{k}": v.clone() for k, v in gpt.state_dict().items()}
text = torch.randint(0, 20, (300,))
text[1::3] = (text[0::3] * 7 + 3) % 20  # Something to learn.
batches = torch.stack([torch.stack([text[i:i + 17] for i in torch.randint(0, 283, (4,))]) for _ in range(20)])
fixture["batches"] = batches.to(torch.int32)
decayed = [p for p in gpt.parameters() if p.dim() > 1]
rest = [p for p in gpt.parameters() if p.dim() < 2]
opt = O.AdamW([{"params": decayed, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}], 1e-3, betas=(0.9, 0.99))
losses = []
for i in range(20):
    for group in opt.param_groups:
        group["lr"] = 1e-2 * (i + 1) / 6 if i < 5 else 1e-3 + 0.5 * (1 + math.cos(math.pi * (i - 5) / 15)) * 9e-3
    loss = gpt(batches[i, :, :-1], batches[i, :, 1:])
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(gpt.parameters(), 1.0)
    opt.step()
    losses.append(loss.item())
fixture["losses"] = torch.tensor(losses)
print("gpt", losses[0], losses[-1])
save("gpt", fixture, "examples/src/test/resources/dev/gamelan/examples")

# ---- transforms of images, by torchvision

# Wheels built for CUDA can't register their detection ops beside a torch for CPUs; transforms need none.
register_fake, torch.library.register_fake = torch.library.register_fake, lambda *a, **k: lambda f: f
import torchvision.transforms.v2.functional as V

torch.library.register_fake = register_fake
from torchvision.transforms import InterpolationMode

torch.manual_seed(4)
images = {}
image = torch.rand(3, 9, 12)
images["image"] = image
images["resize_smaller"] = V.resize(image, [5, 7], antialias=True)
images["resize_larger"] = V.resize(image, [14, 20], antialias=True)
images["resize_shorter_side"] = V.resize(image, [6], antialias=True)
images["resize_nearest"] = V.resize(image, [5, 7], interpolation=InterpolationMode.NEAREST)
images["crop"] = V.crop(image, 2, 3, 4, 5)
images["center_crop"] = V.center_crop(image, [5, 6])
images["center_crop_odd"] = V.center_crop(image, [4, 7])
images["center_crop_padded"] = V.center_crop(image, [11, 8])
images["flip"] = V.horizontal_flip(image)
images["flip_vertical"] = V.vertical_flip(image)
images["normalize"] = V.normalize(image, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
images["grayscale"] = V.rgb_to_grayscale(image, 1)
images["brightness"] = V.adjust_brightness(image, 1.4)
images["contrast"] = V.adjust_contrast(image, 0.6)
images["saturation"] = V.adjust_saturation(image, 1.7)
images["hue"] = V.adjust_hue(image, 0.15)
images["hue_negative"] = V.adjust_hue(image, -0.4)
images["jitter"] = V.adjust_hue(V.adjust_saturation(V.adjust_contrast(V.adjust_brightness(image, 0.8), 1.2), 0.5), 0.05)
save("images", images)

# ---- metrics, by scikit-learn

import numpy as np
from sklearn import metrics as M

torch.manual_seed(5)
values = {"logits": torch.randn(30, 4), "labels": torch.randint(0, 4, (30,), dtype=torch.int32),
          "scores": (torch.rand(30) * 8).round() / 8, "binary": torch.randint(0, 2, (30,), dtype=torch.int32),
          "predicted": torch.randn(30), "true": torch.randn(30)}
values["logits"][torch.arange(30), values["labels"].long()] += 1.0
true, taken = values["labels"].numpy(), values["logits"].argmax(-1).numpy()
y, t = values["predicted"].double().numpy(), values["true"].double().numpy()
found = {"accuracy": M.accuracy_score(true, taken),
         "top_2": M.top_k_accuracy_score(true, values["logits"].numpy(), k=2),
         "perplexity": np.exp(M.log_loss(true, torch.softmax(values["logits"].double(), -1).numpy())),
         "roc_auc": M.roc_auc_score(values["binary"].numpy(), values["scores"].numpy()),
         "mse": M.mean_squared_error(t, y), "rmse": M.root_mean_squared_error(t, y),
         "mae": M.mean_absolute_error(t, y), "r2": M.r2_score(t, y)}
for average in ("macro", "weighted"):
    found[f"precision_{average}"] = M.precision_score(true, taken, average=average)
    found[f"recall_{average}"] = M.recall_score(true, taken, average=average)
    found[f"f1_{average}"] = M.f1_score(true, taken, average=average)
for name, value in found.items():
    values["metric/" + name] = torch.tensor(value, dtype=torch.float64)
save("metrics", values)
