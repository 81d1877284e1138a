#!/usr/bin/env python3
"""Makes engine-tck/src/test/resources/dev/gamelan/tck/golden.json.gz: what JAX and PyTorch compute for
every op, forward and gradient. Needs jax and torch; the build and the tests do not run it.

    python3 tools/golden.py
"""
import gzip
import json
import math
import os

import jax
import jax.extend
import jax.numpy as jnp
import numpy as np
import torch
import torch.nn.functional as F
from jax import lax

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_threefry_partitionable", True)
rng = np.random.default_rng(7)
OUT = os.path.join(os.path.dirname(__file__), "..", "engine-tck/src/test/resources/dev/gamelan/tck/golden.json.gz")
NAMES = {"float32": "f32", "float64": "f64", "float16": "f16", "bfloat16": "bf16", "int8": "i8", "uint8": "u8",
         "int16": "i16", "uint16": "u16", "int32": "i32", "uint32": "u32", "int64": "i64", "uint64": "u64", "bool": "bool",
         "float8_e4m3fn": "f8e4m3fn", "float8_e5m2": "f8e5m2", "float8_e4m3fnuz": "f8e4m3fnuz",
         "float8_e5m2fnuz": "f8e5m2fnuz", "float8_e8m0fnu": "f8e8m0", "float4_e2m1fn": "f4e2m1", "int4": "i4", "uint4": "u4"}
cases = []


def type_of(a):
    return NAMES[str(a.dtype)] + "[" + ",".join(map(str, a.shape)) + "]"


def value(v):
    v = v.item() if hasattr(v, "item") else v
    if isinstance(v, bool):
        return v
    if isinstance(v, float) and not math.isfinite(v):
        return "nan" if math.isnan(v) else ("inf" if v > 0 else "-inf")
    return v


def tensor(a):
    a = np.asarray(a)
    flat = a.reshape(-1)
    if "float" in str(a.dtype):
        flat = flat.astype(np.float64)
    elif str(a.dtype) in ("int4", "uint4"):
        flat = flat.astype(np.int64)
    return {"type": type_of(a), "values": [value(v) for v in flat]}


def is_float(a):
    return "float" in str(a.dtype)


def add(source, op, inputs, outputs, cotangents=None, gradients=None, name=None):
    ins = ", ".join(f"%{i}: {type_of(a)}" for i, a in enumerate(inputs))
    n = len(inputs)
    results = f"%{n}" + (f":{len(outputs)}" if len(outputs) > 1 else "")
    operands = (" " + ", ".join(f"%{i}" for i in range(n))) if n else ""
    types = ", ".join(type_of(o) for o in outputs)
    returns = ", ".join(f"%{n}" + (f":{i}" if i else "") for i in range(len(outputs)))
    graph = f"({ins}) {{ {results} = {op}{operands} : {types} return {returns} }}"
    case = {"name": name or op, "source": source, "graph": graph, "inputs": [tensor(a) for a in inputs],
            "outputs": [tensor(o) for o in outputs]}
    if gradients is not None:
        case["cotangents"] = [tensor(c) for c in cotangents]
        case["gradients"] = [tensor(g) for g in gradients]
    cases.append(case)


def as_list(r):
    return [np.asarray(x) for x in (r if isinstance(r, (tuple, list)) else [r])]


def jx(op, fn, *inputs, grad=True, name=None):
    """A case of JAX; the gradient is of every floating-point input."""
    inputs = [np.asarray(a) for a in inputs]
    outputs = as_list(fn(*map(jnp.asarray, inputs)))
    at = [i for i, a in enumerate(inputs) if is_float(a)]
    if not grad or not at or not any(is_float(o) for o in outputs):
        add("jax " + jax.__version__, op, inputs, outputs, name=name)
        return

    def floats(*args):
        full = list(map(jnp.asarray, inputs))
        for i, a in zip(at, args):
            full[i] = a
        r = fn(*full)
        r = r if isinstance(r, (tuple, list)) else [r]
        return [x for x in r if is_float(x)]

    r, back = jax.vjp(floats, *[jnp.asarray(inputs[i]) for i in at])
    cts = [jnp.asarray(rng.standard_normal(x.shape)).astype(x.dtype) for x in r]
    add("jax " + jax.__version__, op, inputs, outputs, [np.asarray(c) for c in cts], as_list(back(cts)), name)


def tx(op, fn, *inputs, grad=True, name=None):
    """A case of PyTorch."""
    ts = [torch.tensor(a) for a in inputs]
    at = [t.requires_grad_() for t in ts if t.is_floating_point()]
    r = fn(*ts)
    r = list(r) if isinstance(r, (tuple, list)) else [r]
    outputs = [x.detach().numpy() for x in r]
    if not grad or not at:
        add("torch " + torch.__version__, op, inputs, outputs, name=name)
        return
    floats = [x for x in r if x.is_floating_point()]
    cts = [torch.tensor(rng.standard_normal(tuple(x.shape)), dtype=x.dtype) for x in floats]
    gs = torch.autograd.grad(floats, at, cts, allow_unused=True)
    gs = [torch.zeros_like(t) if g is None else g for g, t in zip(gs, at)]
    add("torch " + torch.__version__, op, inputs, outputs, [c.numpy() for c in cts], [g.numpy() for g in gs], name)


def f(*shape, low=-2.0, high=2.0, dtype=np.float32):
    return rng.uniform(low, high, shape).astype(dtype)


def n(*shape, low=-5, high=5, dtype=np.int32):
    return rng.integers(low, high, shape).astype(dtype)


SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, 0.5, 1e-30, -1e-30, 1e30, -1e30, np.inf, -np.inf, np.nan, 1e-6, 88.0, -88.0, 104.0], np.float32)

# ---- source, pointwise
jx("fill[value=f32(1.5), shape=[2,3]]", lambda: jnp.full((2, 3), 1.5, jnp.float32), name="fill")
jx("iota[type=i32[2,3], axis=1]", lambda: lax.broadcasted_iota(jnp.int32, (2, 3), 1), name="iota")
jx("constant[literal=f32[3]{1.0, -2.5, inf}]", lambda: jnp.array([1, -2.5, jnp.inf], jnp.float32), name="constant")
UNARY = {"neg": lax.neg, "abs": lax.abs, "sign": lax.sign, "exp": lax.exp, "expm1": lax.expm1, "log": lax.log, "log1p": lax.log1p,
         "sqrt": lax.sqrt, "rsqrt": lax.rsqrt, "sin": lax.sin, "cos": lax.cos, "tanh": lax.tanh, "logistic": lax.logistic,
         "erf": lax.erf, "floor": lax.floor, "ceil": lax.ceil, "round_even": lambda x: lax.round(x, lax.RoundingMethod.TO_NEAREST_EVEN)}
for k, fn in UNARY.items():
    positive = k in ("log", "sqrt", "rsqrt", "log1p")
    jx(k, fn, f(7, low=0.05 if positive else -3, high=3.0), name=k)
    jx(k, fn, f(5, low=0.05 if positive else -3, high=3.0, dtype=np.float64), name=k + " f64")
    if k not in ("sin", "cos"):
        jx(k, fn, SPECIAL, grad=False, name=k + " special values")
jx("not", jnp.logical_not, np.array([True, False]), name="not bool")
jx("not", lax.bitwise_not, n(4, dtype=np.int8), name="not")
jx("is_finite", lax.is_finite, SPECIAL, name="is_finite")
BINARY = {"add": lax.add, "sub": lax.sub, "mul": lax.mul, "div": lax.div, "rem": lax.rem, "pow": lax.pow, "max": lax.max,
          "min": lax.min, "atan2": lax.atan2}
for k, fn in BINARY.items():
    jx(k, fn, f(6, low=0.2 if k == "pow" else -3), f(6, low=0.5), name=k)
    a, b = np.meshgrid(SPECIAL[:12], SPECIAL[:12])
    jx(k, fn, a.reshape(-1), b.reshape(-1), grad=False, name=k + " special values")
    if k not in ("pow", "atan2"):
        jx(k, fn, n(9, low=-128, high=127, dtype=np.int8), n(9, low=1, high=127, dtype=np.int8), name=k + " i8")
        jx(k, fn, n(9, low=0, high=255, dtype=np.uint8), n(9, low=1, high=255, dtype=np.uint8), name=k + " u8")
jx("pow", lambda a, b: a ** b, n(6, low=-4, high=4), n(6, low=0, high=6), name="pow i32")
for k, fn in {"and": lax.bitwise_and, "or": lax.bitwise_or, "xor": lax.bitwise_xor}.items():
    jx(k, fn, n(6), n(6), name=k)
    jx(k, fn, n(6) > 0, n(6) > 0, name=k + " bool")
for k, fn in {"shift_left": lax.shift_left, "shift_right_logical": lax.shift_right_logical, "shift_right_arithmetic": lax.shift_right_arithmetic}.items():
    jx(k, fn, n(6, low=-99, high=99), n(6, low=0, high=31), name=k)
    jx(k, fn, n(6, low=-99, high=99, dtype=np.int8), n(6, low=0, high=7, dtype=np.int8), name=k + " i8")
for k, fn in {"eq": lax.eq, "ne": lax.ne, "lt": lax.lt, "le": lax.le, "gt": lax.gt, "ge": lax.ge}.items():
    a, b = np.meshgrid(SPECIAL[:12], SPECIAL[:12])
    jx(f"compare[kind={k}]", fn, a.reshape(-1), b.reshape(-1), name="compare " + k)
    jx(f"compare[kind={k}]", fn, np.array([0, 200, 255], np.uint8), np.array([1, 200, 7], np.uint8), name="compare u8 " + k)
jx("select", lambda p, a, b: lax.select(p, a, b), np.array([[True, False], [False, True]]), f(2, 2), f(2, 2), name="select")
for to in ["float64", "float16", "bfloat16", "int32", "int8", "uint8", "bool"]:
    src = np.array([0.0, -0.0, 1.5, 2.5, -1.7, 100.3, 0.1, 3.14159], np.float32) if to != "uint8" else np.array([0.0, 1.5, 2.5, 200.3], np.float32)
    jx(f"convert[to={NAMES[to]}, saturate=false]", lambda x, t=to: x.astype(t), src, grad=to.startswith("f"), name="convert to " + to)
for to in ["float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float4_e2m1fn", "float8_e8m0fnu"]:
    src = np.array([0.0, -0.0, 1.5, 0.3, -1.7, 0.01, 3.0, 5.0, 6.9, 200.0, 500.0, -70000.0, np.nan, 1e-9], np.float32)
    add("ml_dtypes", f"convert[to={NAMES[to]}, saturate=false]", [src], [src.astype(to)], name="convert to " + to)
jx("convert[to=i8, saturate=false]", lambda x: x.astype(jnp.int8), np.array([300, -300, 127, 128], np.int32), name="convert wraps")
jx("convert[to=f32, saturate=false]", lambda x: x.astype(jnp.float32), np.array([2**53 + 1, -(2**62) - 1, 16777217], np.int64), name="convert i64 to f32")
jx("bitcast[to=i32]", lambda x: lax.bitcast_convert_type(x, jnp.int32), f(4), grad=False, name="bitcast")
jx("bitcast[to=u8]", lambda x: lax.bitcast_convert_type(x, jnp.uint8), n(3), name="bitcast narrower")
jx("bitcast[to=i32]", lambda x: lax.bitcast_convert_type(x, jnp.int32), n(2, 4, low=0, high=255, dtype=np.uint8), name="bitcast wider")

# ---- movement
jx("reshape[shape=[3,2]]", lambda x: x.reshape(3, 2), f(2, 3), name="reshape")
jx("transpose[permutation=[2,0,1]]", lambda x: x.transpose(2, 0, 1), f(2, 3, 4), name="transpose")
jx("broadcast_in_dim[shape=[2,3,4], axes=[1,2]]", lambda x: lax.broadcast_in_dim(x, (2, 3, 4), (1, 2)), f(3, 1), name="broadcast_in_dim")
jx("slice[starts=[1,0], limits=[4,5], strides=[2,3]]", lambda x: lax.slice(x, (1, 0), (4, 5), (2, 3)), f(4, 6), name="slice")
jx("pad[low=[1,-1], high=[-1,2], interior=[1,0]]", lambda x, v: lax.pad(x, v, [(1, -1, 1), (-1, 2, 0)]), f(3, 4), f(), name="pad")
jx("concatenate[axis=1]", lambda a, b, c: lax.concatenate([a, b, c], 1), f(2, 1), f(2, 3), f(2, 2), name="concatenate")
jx("reverse[axes=[0,2]]", lambda x: lax.rev(x, (0, 2)), f(2, 3, 4), name="reverse")
jx("dynamic_slice[sizes=[2,2]]", lambda x, a, b: lax.dynamic_slice(x, (a, b), (2, 2)), f(3, 5), np.int32(1), np.int32(9), name="dynamic_slice")
jx("dynamic_update_slice", lambda x, u, a, b: lax.dynamic_update_slice(x, u, (a, b)), f(3, 5), f(2, 2), np.int32(1), np.int32(9), name="dynamic_update_slice")

# ---- reduction
jx("reduce[kind=sum, axes=[0,2]]", lambda x: x.sum((0, 2)), f(2, 3, 4), name="reduce sum")
jx("reduce[kind=prod, axes=[1]]", lambda x: x.prod(1), np.array([[2, 0, 3], [0, 0, 5], [1.5, -2, 3]], np.float32), name="reduce prod")
jx("reduce[kind=max, axes=[1]]", lambda x: x.max(1), np.array([[2, 2, 1], [0, -1, 5]], np.float32), name="reduce max")
jx("reduce[kind=min, axes=[0]]", lambda x: x.min(0), f(3, 4), name="reduce min")
jx("reduce[kind=max, axes=[1]]", lambda x: x.max(1), np.array([[2, np.nan, 1]], np.float32), grad=False, name="reduce max nan")
jx("reduce[kind=sum, axes=[0]]", lambda x: lax.reduce(x, np.int8(0), lax.add, (0,)), n(9, 2, low=-128, high=127, dtype=np.int8), name="reduce sum i8")
jx("reduce[kind=and, axes=[0]]", lambda x: x.all(0), n(3, 4) > -3, name="reduce and")
jx("reduce[kind=or, axes=[0]]", lambda x: x.any(0), n(3, 4) > 2, name="reduce or")
jx("reduce[kind=sum, axes=[1]]", lambda x: x.sum(1), f(3, 0), name="reduce of nothing")
jx("arg_reduce[kind=max, axis=1, index=i32]", lambda x: lax.argmax(x, 1, jnp.int32), np.array([[1, 3, 3], [1, np.nan, 9]], np.float32), name="arg_reduce max")
jx("arg_reduce[kind=min, axis=0, index=i64]", lambda x: lax.argmin(x, 0, jnp.int64), f(3, 4), name="arg_reduce min")
for k, fn in {"sum": lax.cumsum, "prod": lax.cumprod, "max": lax.cummax, "min": lax.cummin}.items():
    jx(f"cumulate[kind={k}, axis=1, exclusive=false, reverse=false]", lambda x, fn=fn: fn(x, 1), f(2, 4), name="cumulate " + k)
    jx(f"cumulate[kind={k}, axis=0, exclusive=false, reverse=true]", lambda x, fn=fn: fn(x, 0, reverse=True), f(3, 2), name="cumulate reverse " + k)
jx("cumulate[kind=sum, axis=0, exclusive=true, reverse=false]", lambda x: lax.cumsum(x, 0) - x, n(5), name="cumulate exclusive")

# ---- contraction
jx("dot_general[leftBatch=[0], rightBatch=[2], leftContracting=[3,1], rightContracting=[0,1], result=f32]",
   lambda a, b: lax.dot_general(a, b, (((3, 1), (0, 1)), ((0,), (2,))), precision="highest"), f(2, 3, 4, 5), f(5, 3, 2, 6), name="dot_general")
jx("dot_general[leftBatch=[], rightBatch=[], leftContracting=[1], rightContracting=[0], result=i32]",
   lambda a, b: lax.dot_general(a, b, (((1,), (0,)), ((), ())), preferred_element_type=jnp.int32), n(3, 4, low=-128, high=127, dtype=np.int8), n(4, 2, low=-128, high=127, dtype=np.int8), name="dot_general i8")
jx("dot_general[leftBatch=[], rightBatch=[], leftContracting=[1], rightContracting=[0], result=f32]",
   lambda a, b: lax.dot_general(a, b, (((1,), (0,)), ((), ())), preferred_element_type=jnp.float32), f(3, 4).astype(jnp.bfloat16), f(4, 2).astype(jnp.bfloat16), grad=False, name="dot_general bf16")


def conv(x, w, s, p, d, groups):
    sp = len(s)
    dn = lax.conv_dimension_numbers(x.shape, w.shape, ("NC" + "DHW"[-sp:], "OI" + "DHW"[-sp:], "NC" + "DHW"[-sp:]))
    return lax.conv_general_dilated(x, w, s, p, rhs_dilation=d, dimension_numbers=dn, feature_group_count=groups, precision="highest")


def window(s, p, d):
    lo, hi = [a for a, _ in p], [b for _, b in p]
    return "{strides=%s, low=%s, high=%s, dilation=%s}" % tuple(str(list(v)).replace(" ", "") for v in (s, lo, hi, d))


CONVS = [((1,), [(1, 1)], (1,), 1, (2, 3, 6), (4, 3, 3)), ((2, 1), [(0, 1), (2, 1)], (1, 2), 2, (2, 4, 5, 6), (6, 2, 2, 3)),
         ((1, 2, 1), [(1, 0), (0, 0), (1, 1)], (1, 1, 1), 1, (1, 2, 3, 4, 3), (2, 2, 2, 2, 2)), ((2, 2), [(-1, 0), (1, 1)], (1, 1), 1, (1, 2, 6, 6), (3, 2, 3, 3))]
for s, p, d, g, xs, ws in CONVS:
    x, w = f(*xs), f(*ws)
    jx(f"convolution[window={window(s, p, d)}, groups={g}, result=f32]", lambda x, w, s=s, p=p, d=d, g=g: conv(x, w, s, p, d, g), x, w, name=f"convolution {len(s)}d")
    y = conv(x, w, s, p, d, g)
    ct = f(*y.shape)
    jx(f"convolution_input_gradient[window={window(s, p, d)}, groups={g}, input={str(list(xs)).replace(' ', '')}, result=f32]",
       lambda ct, w, s=s, p=p, d=d, g=g, x=x: jax.vjp(lambda x: conv(x, w, s, p, d, g), jnp.asarray(x))[1](ct)[0], ct, w, name=f"convolution_input_gradient {len(s)}d")
    jx(f"convolution_filter_gradient[window={window(s, p, d)}, groups={g}, filter={str(list(ws)).replace(' ', '')}, result=f32]",
       lambda x, ct, s=s, p=p, d=d, g=g, w=w: jax.vjp(lambda w: conv(x, w, s, p, d, g), jnp.asarray(w))[1](ct)[0], x, ct, name=f"convolution_filter_gradient {len(s)}d")

# ---- pool
W2 = window((2, 1), [(1, 1), (0, 0)], (1, 1))
tx(f"pool[kind=max, size=[3,2], window={W2}, countPadding=false]", lambda x: F.max_pool2d(x, (3, 2), (2, 1), (1, 0)), f(2, 2, 5, 4), name="pool max")
tx(f"pool[kind=average, size=[3,2], window={W2}, countPadding=true]", lambda x: F.avg_pool2d(x, (3, 2), (2, 1), (1, 0), count_include_pad=True), f(2, 2, 5, 4), name="pool average padding")
tx(f"pool[kind=average, size=[3,2], window={W2}, countPadding=false]", lambda x: F.avg_pool2d(x, (3, 2), (2, 1), (1, 0), count_include_pad=False), f(2, 2, 5, 4), name="pool average")
tx(f"pool[kind=sum, size=[3,2], window={W2}, countPadding=false]", lambda x: F.avg_pool2d(x, (3, 2), (2, 1), (1, 0), divisor_override=1), f(1, 2, 5, 4), name="pool sum")
tx("pool[kind=max, size=[2], window={strides=[1], low=[0], high=[0], dilation=[2]}, countPadding=false]", lambda x: F.max_pool1d(x, 2, 1, 0, 2), f(1, 2, 6), name="pool max dilated")


def pool_gradient(fn):
    def g(x, d):
        y = fn(x)
        return torch.autograd.grad(y, x, d, create_graph=True)[0]
    return g


tx(f"pool_gradient[kind=max, size=[3,2], window={W2}, countPadding=false]", pool_gradient(lambda x: F.max_pool2d(x, (3, 2), (2, 1), (1, 0))), f(1, 2, 5, 4), f(1, 2, 3, 3), name="pool_gradient max")
tx(f"pool_gradient[kind=average, size=[3,2], window={W2}, countPadding=false]", pool_gradient(lambda x: F.avg_pool2d(x, (3, 2), (2, 1), (1, 0), count_include_pad=False)), f(1, 2, 5, 4), f(1, 2, 3, 3), name="pool_gradient average")

# ---- indexing, order
IDX = np.array([[2, 0], [1, 2]], np.int32)
jx("gather[axis=1]", lambda x, i: jnp.take(x, i, axis=1, mode="clip"), f(2, 3, 2), IDX, name="gather")
jx("gather_elements[axis=1]", lambda x, i: jnp.take_along_axis(x, i, 1), f(2, 3), np.array([[2, 0, 1, 1], [1, 2, 2, 0]], np.int32), name="gather_elements")
jx("scatter[kind=add, axis=0]", lambda x, i, u: x.at[i].add(u), f(4, 2), np.array([1, 3, 1], np.int32), f(3, 2), name="scatter add")
jx("scatter[kind=set, axis=0]", lambda x, i, u: x.at[i].set(u), f(4, 2), np.array([1, 3], np.int32), f(2, 2), name="scatter set")
for k, r in {"mul": "prod", "max": "amax", "min": "amin", "add": "sum"}.items():
    tx(f"scatter_elements[kind={k}, axis=1]", lambda x, i, u, r=r: x.scatter_reduce(1, i.long(), u, r), f(2, 4), np.array([[0, 2, 0], [3, 3, 1]], np.int32), f(2, 3), name="scatter_elements " + k)
tx("scatter_elements[kind=set, axis=0]", lambda x, i, u: x.scatter(0, i.long(), u), f(4, 2), np.array([[1, 0], [3, 2]], np.int32), f(2, 2), name="scatter_elements set")
jx("sort[axis=1, descending=false]", lambda a, b: lax.sort([a, b], dimension=1, num_keys=1), np.array([[3, 1, 2, 1], [0, -0.0, 5, -7]], np.float32), f(2, 4), name="sort")
jx("sort[axis=0, descending=false]", lambda a: [jnp.sort(a, axis=0)], np.array([np.nan, 1, -np.inf, np.inf, -2], np.float32), grad=False, name="sort nan")
jx("top_k[k=2]", lambda x: [r.astype(jnp.int32) if i else r for i, r in enumerate(lax.top_k(x, 2))], f(2, 5), name="top_k")


# ---- spectral
def pairs(c):
    return jnp.stack([c.real, c.imag], -1).astype(jnp.float32)


def complex_of(x):
    return lax.complex(x[..., 0], x[..., 1])


for size in (6, 5):
    jx(f"fft[kind=forward, axis=1, length={size}]", lambda x: pairs(jnp.fft.fft(complex_of(x), axis=1)), f(2, size, 2), name=f"fft forward {size}")
    jx(f"fft[kind=inverse, axis=1, length={size}]", lambda x: pairs(jnp.fft.ifft(complex_of(x), axis=1)), f(2, size, 2), name=f"fft inverse {size}")
    jx(f"fft[kind=real_forward, axis=1, length={size}]", lambda x: pairs(jnp.fft.rfft(x, axis=1)), f(2, size), name=f"fft real_forward {size}")
    half = f(2, size // 2 + 1, 2)
    half[:, 0, 1] = 0
    if size % 2 == 0:
        half[:, -1, 1] = 0
    jx(f"fft[kind=real_inverse, axis=1, length={size}]", lambda x, s=size: jnp.fft.irfft(complex_of(x), s, axis=1).astype(jnp.float32), half, name=f"fft real_inverse {size}")

# ---- control
BODY = "(%0: f32[2], %1: f32[2], %2: f32[2]) { %3 = mul %0, %2 : f32[2] %4 = sin %3 : f32[2] %5 = add %4, %1 : f32[2] return %5, %4 }"
jx(f"scan[body={BODY}, length=3, carries=1, sequences=1, reverse=false]",
   lambda c, x, w: [*(lambda r: (r[0], r[1]))(lax.scan(lambda c, x: (jnp.sin(c * w) + x, jnp.sin(c * w)), c, x))], f(2), f(3, 2), f(2), name="scan")
jx(f"scan[body={BODY}, length=3, carries=1, sequences=1, reverse=true]",
   lambda c, x, w: list(lax.scan(lambda c, x: (jnp.sin(c * w) + x, jnp.sin(c * w)), c, x, reverse=True)), f(2), f(3, 2), f(2), name="scan reverse")
jx("cond[onTrue=(%0: f32[2]) { %1 = sin %0 : f32[2] return %1 }, onFalse=(%0: f32[2]) { %1 = mul %0, %0 : f32[2] return %1 }]",
   lambda p, x: lax.cond(p, jnp.sin, lambda x: x * x, x), np.bool_(False), f(2), name="cond")
jx("while[condition=(%0: f32[]) { %1 = fill[value=f32(10.0), shape=[]] : f32[] %2 = compare[kind=lt] %0, %1 : bool[] return %2 }, body=(%0: f32[]) { %1 = add %0, %0 : f32[] return %1 }, carries=1]",
   lambda x: lax.while_loop(lambda x: x < 10, lambda x: x + x, x), np.float32(0.75), grad=False, name="while")
jx("barrier", lambda a, b: list(lax.optimization_barrier((a, b))), f(2), f(3), name="barrier")

# ---- composites
tx("relu", F.relu, np.array([-1, 0, 2, 3.5], np.float32), name="relu")
tx("leaky_relu[slope=0.1]", lambda x: F.leaky_relu(x, 0.1), f(6), name="leaky_relu")
tx("elu[alpha=1.5]", lambda x: F.elu(x, 1.5), f(6), name="elu")
tx("clamp[low=-1.0, high=0.5]", lambda x: torch.clamp(x, -1, 0.5), np.array([-2, -1, 0, 0.5, 3], np.float32), name="clamp")
tx("silu", F.silu, f(6), name="silu")
tx("gelu[tanh=false]", F.gelu, f(6, low=-6, high=6), name="gelu")
tx("gelu[tanh=true]", lambda x: F.gelu(x, approximate="tanh"), f(6, low=-6, high=6), name="gelu tanh")
tx("swiglu", lambda a, b: F.silu(a) * b, f(4), f(4), name="swiglu")
tx("softmax[axis=1]", lambda x: F.softmax(x, 1), f(2, 5) * 30, name="softmax")
tx("softmax_gradient[axis=1]", lambda y, d: y * (d - (d * y).sum(1, keepdim=True)), f(2, 4), f(2, 4), name="softmax_gradient")
tx("log_softmax[axis=0]", lambda x: F.log_softmax(x, 0), f(3, 2) * 30, name="log_softmax")
tx("logsumexp[axis=1]", lambda x: torch.logsumexp(x, 1), f(2, 4) * 50, name="logsumexp")
tx("logsumexp[axis=0]", lambda x: torch.logsumexp(x, 0), np.full((2, 2), -np.inf, np.float32), grad=False, name="logsumexp of -inf")
tx("cross_entropy", lambda x, t: F.cross_entropy(x, t.long(), reduction="none"), f(3, 4) * 5, np.array([1, 3, 0], np.int32), name="cross_entropy")
tx("layer_norm[axes=2, epsilon=1.0E-5]", lambda x, s, b: F.layer_norm(x, (3, 4), s, b), f(2, 3, 4), f(3, 4), f(3, 4), name="layer_norm")


def layer_norm_gradient(x, s, d):
    y = F.layer_norm(x, (4,), s, torch.zeros_like(s))
    gx, gs = torch.autograd.grad(y, [x, s], d, create_graph=True)
    return gx, gs, d.sum(0)


tx("layer_norm_gradient[axes=1, epsilon=1.0E-5]", layer_norm_gradient, f(3, 4), f(4), f(3, 4), name="layer_norm_gradient")
tx("rms_norm[epsilon=1.0E-5]", lambda x, s: F.rms_norm(x, (4,), s, 1e-5), f(3, 4), f(4), name="rms_norm")
tx("group_norm[groups=2, epsilon=1.0E-5]", lambda x, s, b: F.group_norm(x, 2, s, b), f(2, 4, 3), f(4), f(4), name="group_norm")


def batch_norm(x, s, b):
    axes = (0, 2)
    m, v = x.mean(axes), x.var(axes, unbiased=False)
    return F.batch_norm(x, None, None, s, b, True), m, v


tx("batch_norm_training[epsilon=1.0E-5]", batch_norm, f(3, 2, 4), f(2), f(2), name="batch_norm_training")
tx("batch_norm_inference[epsilon=1.0E-5]", lambda x, s, b, m, v: (x - m[:, None]) / torch.sqrt(v[:, None] + 1e-5) * s[:, None] + b[:, None], f(3, 2, 4), f(2), f(2), f(2), f(2, low=0.5), name="batch_norm_inference")


def sdpa(q, k, v, mask=None, lengths=None, causal=False, window=0, softcap=0.0, scale=0.4):
    B, H, S, D = q.shape
    T = k.shape[2]
    k, v = k.repeat_interleave(H // k.shape[1], 1), v.repeat_interleave(H // v.shape[1], 1)
    s = q @ k.transpose(2, 3) * scale
    if softcap:
        s = softcap * torch.tanh(s / softcap)
    n = lengths.long() if lengths is not None else torch.full((B,), T)
    key = torch.arange(T)[None, None, None]
    pos = torch.arange(S)[None, None, :, None] + (n[:, None, None, None] - S)
    see = (key < n[:, None, None, None]).expand(B, H, S, T)
    if causal:
        see = see & (key <= pos)
        if window:
            see = see & (key > pos - window)
    if mask is not None:
        if mask.dtype == torch.bool:
            see = see & mask
        else:
            s = s + mask
    s = s.masked_fill(~see, -math.inf)
    p = torch.softmax(s, 3)
    return torch.where(see.any(3, keepdim=True), p, torch.zeros_like(p)) @ v


def attention(op, **kw):
    flags = dict(causal=kw.get("causal", False), mask=kw.pop("has_mask", False), lengths=kw.pop("has_lengths", False))
    return (f"{op}[scale=0.4, causal={str(flags['causal']).lower()}, mask={str(flags['mask']).lower()}, lengths={str(flags['lengths']).lower()}, "
            f"window={kw.get('window', 0)}, softcap={float(kw.get('softcap', 0))}]")


A = "scaled_dot_product_attention"
tx(attention(A), sdpa, f(2, 4, 3, 4), f(2, 2, 5, 4), f(2, 2, 5, 3), name="attention grouped")
tx(attention(A, causal=True, window=2, softcap=3.0), lambda q, k, v: sdpa(q, k, v, causal=True, window=2, softcap=3.0), f(1, 2, 4, 4), f(1, 2, 5, 4), f(1, 2, 5, 4), name="attention causal window softcap")
tx(attention(A, causal=True, has_lengths=True), lambda q, k, v, l: sdpa(q, k, v, lengths=l, causal=True), f(2, 2, 2, 4), f(2, 2, 5, 4), f(2, 2, 5, 4), np.array([3, 5], np.int32), name="attention lengths")
tx(attention(A, has_mask=True), lambda q, k, v, m: sdpa(q, k, v, mask=m), f(1, 2, 3, 4), f(1, 2, 4, 4), f(1, 2, 4, 4), f(3, 4), name="attention added mask")
tx(attention(A, has_mask=True), lambda q, k, v, m: sdpa(q, k, v, mask=m), f(1, 1, 2, 4), f(1, 1, 3, 4), f(1, 1, 3, 4), np.array([[True, False, True], [False, True, True]]), name="attention bool mask")
tx(attention(A, has_mask=True), lambda q, k, v, m: sdpa(q, k, v, mask=m), f(1, 1, 2, 4), f(1, 1, 3, 4), f(1, 1, 3, 4), np.array([[True, False, True], [False, False, False]]), grad=False, name="attention of nothing")


def attention_gradient(q, k, v, d):
    return torch.autograd.grad(sdpa(q, k, v, causal=True, softcap=3.0), [q, k, v], d, create_graph=True)


tx(attention("attention_gradient", causal=True, softcap=3.0), attention_gradient, f(1, 2, 3, 4), f(1, 1, 3, 4), f(1, 1, 3, 4), f(1, 2, 3, 4), name="attention_gradient")


def rotary(x, c, s):
    a, b = x.chunk(2, -1)
    return torch.cat([a * c - b * s, b * c + a * s], -1)


def rotary_pairs(x, c, s):
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * c - b * s, b * c + a * s], -1).flatten(-2)


tx("rotary_embedding[interleaved=false]", rotary, f(2, 3, 6), f(3, 3), f(3, 3), name="rotary_embedding")
tx("rotary_embedding[interleaved=true]", rotary_pairs, f(2, 3, 6), f(3, 3), f(3, 3), name="rotary_embedding interleaved")

key = np.array([0, 1701], np.int32)


def jkey(k):
    return jax.random.wrap_key_data(lax.bitcast_convert_type(k, jnp.uint32))


def as_i32(x):
    return lax.bitcast_convert_type(x, jnp.int32)


jx("random_bits[shape=[3,5]]", lambda k: as_i32(jax.random.bits(jkey(k), (3, 5), jnp.uint32)), key, name="random_bits")
jx("random_bits[shape=[]]", lambda k: as_i32(jax.random.bits(jkey(k), (), jnp.uint32)), key, name="random_bits scalar")
jx("fold_in", lambda k, d: as_i32(jax.random.key_data(jax.random.fold_in(jkey(k), d))), key, np.int32(7), name="fold_in")
jx("random_uniform[type=f32[8]]", lambda k: jax.random.uniform(jkey(k), (8,), jnp.float32), key, name="random_uniform")
jx("random_uniform[type=f64[8]]", lambda k: jax.random.uniform(jkey(k), (8,), jnp.float64), key, name="random_uniform f64")


def box_muller(k):
    ku = lax.bitcast_convert_type(k, jnp.uint32)
    hi, lo = jnp.zeros(8, jnp.uint32), jnp.arange(8, dtype=jnp.uint32)
    a, b = jnp.split(jax.extend.random.threefry_2x32((ku[0], ku[1]), jnp.concatenate([hi, lo])), 2)
    u, v = (a >> 9).astype(jnp.float64) * 2.0 ** -23, (b >> 9).astype(jnp.float64) * 2.0 ** -23
    return (jnp.sqrt(-2 * jnp.log1p(-u)) * jnp.cos(2 * jnp.pi * v)).astype(jnp.float32)


jx("random_normal[type=f32[8]]", box_muller, key, name="random_normal")
jx("categorical", lambda k, x: jnp.argmax(x - jnp.log(-jnp.log1p(-jax.random.uniform(jkey(k), x.shape, jnp.float32))), -1).astype(jnp.int32), key, f(6, 4), name="categorical")
jx("dropout[rate=0.4]", lambda k, x: jnp.where(jax.random.uniform(jkey(k), x.shape, jnp.float32) >= np.float32(0.4), x * np.float32(1 / 0.6), 0), key, f(4, 4), name="dropout")


def lstm(x, h, c, wi, wh, b, reverse=False):
    hid = h.shape[1]
    m = torch.nn.LSTM(x.shape[2], hid)
    steps = range(x.shape[0] - 1, -1, -1) if reverse else range(x.shape[0])
    ys = [None] * x.shape[0]
    for t in steps:
        h, c = torch._VF.lstm_cell(x[t], (h, c), wi, wh, b, torch.zeros_like(b))
        ys[t] = h
    return torch.stack(ys), h, c


tx("lstm[reverse=false]", lstm, f(3, 2, 4), f(2, 3), f(2, 3), f(12, 4), f(12, 3), f(12), name="lstm")
tx("lstm[reverse=true]", lambda *a: lstm(*a, reverse=True), f(3, 2, 4), f(2, 3), f(2, 3), f(12, 4), f(12, 3), f(12), name="lstm reverse")


def gru(x, h, wi, wh, bi, bh):
    ys = []
    for t in range(x.shape[0]):
        h = torch._VF.gru_cell(x[t], h, wi, wh, bi, bh)
        ys.append(h)
    return torch.stack(ys), h


tx("gru[reverse=false]", gru, f(3, 2, 4), f(2, 3), f(9, 4), f(9, 3), f(9), f(9), name="gru")
tx("stop_gradient", lambda x: x.detach() + 0 * x, f(3), name="stop_gradient")
jx("one_hot[classes=4, dtype=f32]", lambda x: jax.nn.one_hot(x, 4, dtype=jnp.float32), np.array([1, 3, 7, 0], np.int32), name="one_hot")
for a, fn in {"none": lambda x: x, "relu": F.relu, "gelu": F.gelu, "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "silu": F.silu}.items():
    tx(f"linear[activation={a}]", lambda x, w, b, fn=fn: fn(F.linear(x, w, b)), f(2, 3, 4), f(5, 4), f(5), name="linear " + a)
tx("quantized_matmul[group=2]", lambda x, w, s, z: x @ ((w.float().reshape(3, 2, 2) - z[..., None]) * s[..., None]).reshape(3, 4).T, f(2, 4), n(3, 4, low=-8, high=7, dtype=np.int8), f(3, 2), f(3, 2), name="quantized_matmul")


def adamw(p, g, m, v, lr, step):
    m = 0.9 * m + (1 - 0.9) * g
    v = 0.99 * v + (1 - 0.99) * g * g
    return p * (1 - lr * 0.1) - lr / (1 - 0.9 ** step) * m / (torch.sqrt(v) / torch.sqrt(1 - 0.99 ** step) + 1e-8), m, v


tx("adamw_step[beta1=0.9, beta2=0.99, epsilon=1.0E-8, weightDecay=0.1]", adamw, f(4), f(4), f(4), f(4, low=0.1), np.float32(0.01), np.float32(3), grad=False, name="adamw_step")
for mode, tmode, opts in [("linear", "bilinear", {"align_corners": False}), ("linear", "bilinear", {"align_corners": True}),
                          ("cubic", "bicubic", {"align_corners": False}), ("nearest", "nearest", {}), ("nearest", "nearest-exact", {})]:
    coordinates = "align_corners" if opts.get("align_corners") else ("asymmetric" if tmode == "nearest" else "half_pixel")
    for size in [(7, 3), (2, 9)]:
        tx(f"resize[sizes=[{size[0]},{size[1]}], mode={mode}, coordinates={coordinates}]", lambda x, size=size, tmode=tmode, opts=opts: F.interpolate(x, size, mode=tmode, **opts), f(1, 2, 4, 5), name=f"resize {tmode} {coordinates} {size}")


def dynamic_quantized(x, w, scales):
    step = x.abs().amax(-1, keepdim=True) / 127
    return (torch.round(x / step).int() @ w.int().T).float() * step * scales


tx("dynamic_quantized_matmul", dynamic_quantized, f(2, 8), n(3, 8, low=-128, high=127, dtype=np.int8), f(3), grad=False, name="dynamic_quantized_matmul")

os.makedirs(os.path.dirname(OUT), exist_ok=True)
with gzip.GzipFile(OUT, "wb", mtime=0) as out:
    out.write(json.dumps(cases).encode())
print(len(cases), "cases,", os.path.getsize(OUT), "bytes")
