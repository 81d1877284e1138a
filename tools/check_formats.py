#!/usr/bin/env python3
"""Reads with Python what we write: safetensors, NumPy's files and TensorBoard's events. Needs safetensors, numpy,
torch and tensorboard; the build and the tests do not run it.

    ./gamelan test && python3 tools/check_formats.py training/target/interoperability
"""
import io
import os
import sys

import numpy as np
import safetensors
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

folder = sys.argv[1]
values = [0, 1, 2, 4, 1, 0]

with safetensors.safe_open(os.path.join(folder, "all.safetensors"), "pt") as f:
    assert f.metadata() == {"made by": "gamelan é"}, f.metadata()
    names = list(f.keys())
    loadable = {name: f.get_tensor(name) for name in names if name != "f4e2m1"}
    for name in names:
        if name == "f4e2m1":  # torch packs two to an element
            continue
        x = f.get_tensor(name)
        if name == "f8e8m0":  # has no zero: the smallest power of two stands for it
            assert x.to(torch.float32).flatten()[1:5].tolist() == [1, 2, 4, 1], x
        elif name == "bool":
            assert x.flatten().tolist() == [False, True, True, True, True, False], x
        else:
            assert x.shape == (2, 3) and x.to(torch.float32).flatten().tolist() == values, (name, x)
print("safetensors:", len(names), "dtypes")

# What Python writes of it is the same data in the same places.
again = os.path.join(folder, "again.safetensors")
save_file(loadable, again)
for name, x in load_file(again).items():
    assert x.view(torch.uint8).equal(loadable[name].view(torch.uint8)), name

arrays = np.load(os.path.join(folder, "all.npz"), allow_pickle=False)
for name in arrays.files:
    want = [bool(v) for v in values] if name == "bool" else values
    assert arrays[name].shape == (2, 3) and arrays[name].flatten().tolist() == want, name
assert np.load(os.path.join(folder, "one.npy")).tolist() == [1, 2, 3]
print("npz:", len(arrays.files), "dtypes")

raw = open(os.path.join(folder, "one.idx"), "rb").read()
assert raw[:4] == bytes([0, 0, 12, 2]) and np.frombuffer(raw[12:], ">i4").tolist() == [1, 2, 3, 70000]
print("idx: ok")

events = EventAccumulator(os.path.join(folder, "events"), size_guidance={"scalars": 0, "images": 0, "tensors": 0, "histograms": 0})
events.Reload()
tags = events.Tags()
loss = [(e.step, e.value) for e in events.Scalars("loss")]
assert loss == [(1, 1.0), (2, 0.5), (3, np.float32(1 / 3)), (4, 0.75)], loss
assert [(e.step, e.value) for e in events.Scalars("validation loss")] == [(3, 0.25)]
assert [e.step for e in events.Scalars("learning rate")] == [1, 2, 3, 4]
[weights] = events.Histograms("weights")
h = weights.histogram_value
assert h.num == 100 and h.sum == 4950 and h.min == 0 and h.max == 99 and sum(h.bucket) == 100
[picture] = events.Images("picture")
pixels = np.asarray(Image.open(io.BytesIO(picture.encoded_image_string)))
assert pixels.tolist() == [[[255, 0, 0], [0, 255, 0]]], pixels.tolist()
[note] = events.Tensors("note/text_summary")
assert note.tensor_proto.string_val[:] == [b"*hello*"], note
assert tags["graph"], tags
graph = events.Graph()
ops = [node.op for node in graph.node]
assert "linear" in ops and "softmax" in ops, ops
assert all(i in {n.name for n in graph.node} for n in graph.node for i in n.input)
print("tensorboard:", {k: v for k, v in tags.items() if v})
