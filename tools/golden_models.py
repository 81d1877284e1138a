#!/usr/bin/env python3
"""Makes the test resources of models: small networks of each architecture with random weights, and what PyTorch
computes with them. Needs torch, transformers and safetensors; the build and the tests do not run it.

    python3 tools/golden_models.py

NAME.safetensors holds the weights by their checkpoint names, `in.<name>` for each input and `out.<name>`.
"""
import os

import torch
import torch.nn as nn
import transformers
from safetensors.torch import save_file

torch.manual_seed(0)
FOLDER = os.path.join(os.path.dirname(__file__), "../models/src/test/resources/dev/gamelan/models")
os.makedirs(FOLDER, exist_ok=True)


def write(name, model, inputs, outputs, without=()):
    model = model.eval()
    with torch.no_grad():
        results = model(**inputs, return_dict=True)
    state = {k: v.contiguous() for k, v in model.state_dict().items() if not k.endswith(without)}
    golden = {f"in.{k}": v.to(torch.int32) if v.dtype == torch.int64 else v for k, v in inputs.items()}
    golden |= {f"out.{k}": results[k].contiguous() for k in outputs}
    save_file(state | golden, os.path.join(FOLDER, f"{name}.safetensors"))


def tokens(vocabulary):
    return torch.randint(0, vocabulary, (2, 7))


def shaken(model):
    """Biases start as 0 and norms as 1, which would hide that one is left out."""
    for p in model.parameters():
        if p.ndim == 1:
            nn.init.normal_(p, mean=p.mean().item(), std=0.3)
    for m in model.modules():
        if isinstance(m, nn.BatchNorm2d):
            nn.init.normal_(m.running_mean, std=0.3)
            nn.init.uniform_(m.running_var, 0.5, 2)
    return model


bert = transformers.BertConfig(hidden_size=24, num_hidden_layers=2, num_attention_heads=4, intermediate_size=40,
                               vocab_size=50, max_position_embeddings=9, initializer_range=0.3)
write("bert", shaken(transformers.BertModel(bert)),
      {"input_ids": tokens(50), "token_type_ids": torch.randint(0, 2, (2, 7))},
      ["last_hidden_state", "pooler_output"], ("position_ids",))

gpt2 = transformers.GPT2Config(n_embd=24, n_layer=2, n_head=4, vocab_size=50, n_positions=9, initializer_range=0.3)
write("gpt2", shaken(transformers.GPT2LMHeadModel(gpt2)), {"input_ids": tokens(50)}, ["logits"],
      ("lm_head.weight", ".attn.bias", ".attn.masked_bias"))

resnet = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[16, 24], depths=[2, 1], num_labels=5)
write("resnet", shaken(transformers.ResNetForImageClassification(resnet)), {"pixel_values": torch.randn(2, 3, 20, 24)},
      ["logits"], ("num_batches_tracked",))
