#!/usr/bin/env python3
"""Makes the test resources of onnx: small models as PyTorch's two exporters write them, with inputs and what PyTorch
computes. Needs torch, transformers, onnx, onnxscript and safetensors; the build and the tests do not run it.

    python3 tools/golden_onnx.py [--full DIR]

Beside each NAME.onnx lies NAME.safetensors: `in.<name>` and `out`, as `./gamelan parity` reads them, and for models
that are trained `cotangent` and `grad.*`: the gradients of sum(out * cotangent)
by exporter and initializer. --full writes models of
the usual sizes, with random weights, to DIR instead.
"""
import os
import sys
import warnings

import onnx
import torch
import torch.nn as nn
import transformers
from safetensors.torch import save_file

warnings.filterwarnings("ignore")
torch.manual_seed(0)
torch.set_num_threads(2)
FULL = sys.argv[2] if len(sys.argv) > 2 and sys.argv[1] == "--full" else None
FOLDER = FULL or os.path.join(os.path.dirname(__file__), "../onnx/src/test/resources/dev/gamelan/onnx/models")
os.makedirs(FOLDER, exist_ok=True)


class Output(nn.Module):
    """The first tensor that a transformer gives, for named inputs."""

    def __init__(self, model, names):
        super().__init__()
        self.model = model
        self.names = names

    def forward(self, *inputs):
        return self.model(**dict(zip(self.names, inputs)), return_dict=False)[0]


def export(name, model, inputs, dynamic, trains=False):
    """Writes NAME-dynamo and NAME-script; `dynamic` names the open axes of each input."""
    model = model.eval()
    args = tuple(inputs.values())
    out = model(*args)
    golden = {f"in.{k}": v for k, v in inputs.items()} | {"out": out.detach()}
    if trains:
        cotangent = torch.randn_like(out)
        golden["cotangent"] = cotangent
        parameters = list(model.parameters())
        gradients = torch.autograd.grad((out * cotangent).sum(), parameters, allow_unused=True)
    for exporter in ("dynamo", "script"):
        path = os.path.join(FOLDER, f"{name}-{exporter}.onnx")
        try:
            if exporter == "dynamo":
                shapes = tuple({i: torch.export.Dim(d) for i, d in dims.items()} for dims in dynamic)
                if isinstance(model, Output):
                    shapes = (shapes,)
                torch.onnx.export(model, args, path, input_names=list(inputs), output_names=["out"],
                                  dynamic_shapes=shapes, dynamo=True, external_data=False, verbose=False)
            else:
                torch.onnx.export(model, args, path, input_names=list(inputs), output_names=["out"], opset_version=17,
                                  dynamic_axes=dict(zip(inputs, dynamic)), dynamo=False)
        except Exception as e:
            print(name, exporter, "FAILED", type(e).__name__, str(e)[:300])
            continue
        written = onnx.load(path)
        strip(written.graph)
        for f in written.functions:
            for n in f.node:
                del n.metadata_props[:]
                n.doc_string = ""
        if trains:
            # Exporters rename and transpose weights: they are found by their numbers.
            for tensor in written.graph.initializer:
                value = torch.tensor(onnx.numpy_helper.to_array(tensor))
                for p, g in zip(parameters, gradients):
                    if g is not None and value.ndim > 0 and torch.equal(value, p):
                        golden[f"grad.{exporter}.{tensor.name}"] = g
                    elif g is not None and value.ndim == 2 and torch.equal(value, p.T):
                        golden[f"grad.{exporter}.{tensor.name}"] = g.T
        onnx.save(written, path)
        onnx.checker.check_model(path)
        save_file({k: v.detach().clone().contiguous() for k, v in golden.items()},
                  os.path.join(FOLDER, f"{name}.safetensors"))
        os.chmod(os.path.join(FOLDER, f"{name}.safetensors"), 0o644)
        print(name, exporter, os.path.getsize(path), "bytes, opset", written.opset_import[0].version)


def strip(graph):
    """Without what exporters note for debugging, which names their files."""
    del graph.value_info[:]
    del graph.metadata_props[:]
    for n in graph.node:
        del n.metadata_props[:]
        n.doc_string = ""
        for a in n.attribute:
            if a.HasField("g"):
                strip(a.g)
    for v in list(graph.input) + list(graph.output):
        del v.metadata_props[:]


tokens = {0: "batch", 1: "sequence"}
ids = torch.randint(0, 99, (2, 7))
mask = torch.tensor([[1] * 7, [1] * 5 + [0] * 2])


def text(name, kind, config, with_mask, **options):
    model = kind(config)
    with torch.no_grad():
        # No two weights are alike, or exporters would share them.
        for p in model.parameters():
            p += torch.randn_like(p) * 0.1
    names = ["input_ids", "attention_mask"] if with_mask else ["input_ids"]
    inputs = dict(zip(names, [ids, mask]))
    export(name, Output(model, names), inputs, [tokens] * len(names), **options)


common = dict(attn_implementation="eager", use_cache=False)
if FULL:
    export("resnet50", Output(transformers.ResNetForImageClassification(transformers.ResNetConfig()), ["pixel_values"]),
           {"pixel_values": torch.randn(1, 3, 224, 224)}, [{0: "batch"}])
    text("bert-base", transformers.BertModel, transformers.BertConfig(**common), True)
    text("gpt2", transformers.GPT2LMHeadModel, transformers.GPT2Config(**common), True)
    text("llama", transformers.LlamaForCausalLM, transformers.LlamaConfig(
        hidden_size=512, intermediate_size=1376, num_hidden_layers=8, num_attention_heads=8, num_key_value_heads=4,
        vocab_size=32000, **common), True)
    sys.exit()

small = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, vocab_size=99)
resnet = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 2], layer_type="basic", num_labels=5)
model = transformers.ResNetForImageClassification(resnet)
for m in model.modules():
    if isinstance(m, nn.BatchNorm2d):
        nn.init.normal_(m.running_mean, std=0.3)
        nn.init.uniform_(m.running_var, 0.5, 2)
export("resnet", Output(model, ["pixel_values"]), {"pixel_values": torch.randn(2, 3, 32, 32)}, [{0: "batch"}])
text("bert", transformers.BertModel, transformers.BertConfig(max_position_embeddings=16, **small, **common), True, trains=True)
text("gpt2", transformers.GPT2LMHeadModel, transformers.GPT2Config(
    n_embd=32, n_layer=2, n_head=4, vocab_size=99, n_positions=16, **common), True)
text("llama", transformers.LlamaForCausalLM, transformers.LlamaConfig(num_key_value_heads=2, **small, **common), True)
export("mlp", nn.Sequential(nn.Linear(4, 16), nn.GELU(), nn.LayerNorm(16), nn.Linear(16, 3)), {"x": torch.randn(5, 4)},
       [{0: "batch"}], trains=True)
