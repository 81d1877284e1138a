#!/usr/bin/env python3
"""Makes onnx/src/test/resources/dev/gamelan/onnx/cases.tar.gz: models of one or a few operators in the layout of the
standard's node tests, with what ONNX Runtime computes. They cover what those tests do not: the com.microsoft domain,
older opsets, functions, and shapes that depend on data. Needs onnx, onnxruntime and numpy.

    python3 tools/golden_onnx_cases.py
"""
import io
import os
import tarfile

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

OUT = os.path.join(os.path.dirname(__file__), "../onnx/src/test/resources/dev/gamelan/onnx/cases.tar.gz")
rng = np.random.default_rng(0)
files = {}


def f32(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def case(name, nodes, inputs, outputs=1, opset=17, initializers=None, functions=(), domains=()):
    """`inputs` by name; outputs are y0, y1, …"""
    nodes = nodes if isinstance(nodes, list) else [nodes]
    infos = [helper.make_tensor_value_info(k, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape) for k, v in inputs.items()]
    outs = [helper.make_empty_tensor_value_info(f"y{i}") for i in range(outputs)]
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)] + [helper.make_opsetid(d, 1) for d in domains]
    tensors = [numpy_helper.from_array(v, k) for k, v in (initializers or {}).items()]
    model = helper.make_model(helper.make_graph(nodes, name, infos, outs, tensors), opset_imports=opsets, functions=functions)
    model.ir_version = 10
    options = ort.SessionOptions()
    options.log_severity_level = 4
    # ONNX Runtime needs the outputs' types; it infers them.
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    results = session.run(None, inputs)
    for i, r in enumerate(results):
        model.graph.output[i].CopyFrom(helper.make_tensor_value_info(f"y{i}", helper.np_dtype_to_tensor_dtype(r.dtype), r.shape))
    files[f"{name}/model.onnx"] = model.SerializeToString()
    for i, (k, v) in enumerate(inputs.items()):
        files[f"{name}/test_data_set_0/input_{i}.pb"] = numpy_helper.from_array(v, k).SerializeToString()
    for i, r in enumerate(results):
        files[f"{name}/test_data_set_0/output_{i}.pb"] = numpy_helper.from_array(r, f"y{i}").SerializeToString()
    print(name, [r.shape for r in results])


def ms(op, inputs, outputs=1, **attributes):
    return helper.make_node(op, inputs, [f"y{i}" for i in range(outputs)], domain="com.microsoft", **attributes)


def std(op, inputs, outputs=1, **attributes):
    return helper.make_node(op, inputs, [f"y{i}" for i in range(outputs)], **attributes)


# ---- com.microsoft
x, w = f32(2, 5, 16), f32(16)
case("ms_gelu", ms("Gelu", ["x"]), {"x": x})
case("ms_fast_gelu_bias", ms("FastGelu", ["x", "b"]), {"x": x, "b": w})
case("ms_bias_gelu", ms("BiasGelu", ["x", "b"]), {"x": x, "b": w})
case("ms_quick_gelu", ms("QuickGelu", ["x"], alpha=1.5), {"x": x})
case("ms_skip_layer_norm", [ms("SkipLayerNormalization", ["x", "s", "g", "b", "bias"], epsilon=1e-5)],
     {"x": x, "s": f32(2, 5, 16), "g": w, "b": f32(16), "bias": f32(16)})
case("ms_skip_simplified_layer_norm", [ms("SkipSimplifiedLayerNormalization", ["x", "s", "g"], epsilon=1e-5)],
     {"x": x, "s": f32(2, 5, 16), "g": w})
case("simplified_layer_norm", [std("SimplifiedLayerNormalization", ["x", "g"], axis=-1, epsilon=1e-5)], {"x": x, "g": w})
case("ms_embed_layer_norm", ms("EmbedLayerNormalization", ["i", "s", "w", "p", "t", "g", "b", "m"], 2, epsilon=1e-5),
     {"i": rng.integers(0, 20, (2, 5), dtype=np.int32), "s": rng.integers(0, 2, (2, 5), dtype=np.int32),
      "m": np.array([[1] * 5, [1, 1, 1, 0, 0]], np.int32)}, 2,
     initializers={"w": f32(20, 16), "p": f32(8, 16), "t": f32(2, 16), "g": f32(16), "b": f32(16)})
case("ms_multi_head_attention", ms("MultiHeadAttention", ["q", "k", "v", "bias"], num_heads=4),
     {"q": x, "k": f32(2, 7, 16), "v": f32(2, 7, 16), "bias": f32(48)})
case("ms_multi_head_attention_mask", ms("MultiHeadAttention", ["q", "k", "v", "", "mask"], num_heads=4),
     {"q": x, "k": f32(2, 7, 16), "v": f32(2, 7, 16), "mask": np.array([[1] * 7, [1] * 4 + [0] * 3], np.int32)})
case("ms_multi_head_attention_past", ms("MultiHeadAttention", ["q", "k", "v", "", "", "", "pk", "pv"], 3, num_heads=4, unidirectional=1),
     {"q": x, "k": f32(2, 5, 16), "v": f32(2, 5, 16), "pk": f32(2, 4, 3, 4), "pv": f32(2, 4, 3, 4)}, 3)
case("ms_attention", ms("Attention", ["x", "w", "b"], num_heads=4), {"x": x, "w": f32(16, 48), "b": f32(48)})
case("ms_attention_causal", ms("Attention", ["x", "w", "b"], num_heads=4, unidirectional=1), {"x": x, "w": f32(16, 48), "b": f32(48)})
case("ms_attention_lengths", ms("Attention", ["x", "w", "b", "n"], num_heads=4),
     {"x": x, "w": f32(16, 48), "b": f32(48), "n": np.array([5, 3], np.int32)})
case("ms_attention_lengths_bias", ms("Attention", ["x", "w", "b", "n", "", "bias"], num_heads=4),
     {"x": x, "w": f32(16, 48), "b": f32(48), "n": np.array([5, 3], np.int32), "bias": f32(2, 4, 5, 5)})
case("ms_attention_causal_mask", ms("Attention", ["x", "w", "b", "m"], num_heads=4, unidirectional=1),
     {"x": x, "w": f32(16, 48), "b": f32(48), "m": np.array([[1] * 5, [1] * 4 + [0]], np.int32)})
case("ms_multi_head_attention_bias_mask", ms("MultiHeadAttention", ["q", "k", "v", "", "mask", "bias"], num_heads=4),
     {"q": x, "k": f32(2, 7, 16), "v": f32(2, 7, 16), "mask": np.array([[1] * 7, [1] * 4 + [0] * 3], np.int32),
      "bias": f32(2, 4, 5, 7)})
positions = np.array([[0, 1, 2, 3, 4], [2, 3, 4, 5, 6]])
for interleaved in (0, 1):
    case(f"ms_rotary_{interleaved}", ms("RotaryEmbedding", ["x", "p", "c", "s"], interleaved=interleaved),
         {"x": f32(2, 4, 5, 8), "p": positions, "c": f32(10, 4), "s": f32(10, 4)})
case("ms_rotary_packed", ms("RotaryEmbedding", ["x", "p", "c", "s"], num_heads=2),
     {"x": x, "p": np.array([3]), "c": f32(10, 4), "s": f32(10, 4)})
case("ms_fused_matmul", ms("FusedMatMul", ["a", "b"], transB=1, alpha=0.5), {"a": f32(2, 3, 4), "b": f32(2, 5, 4)})
packed = rng.integers(0, 256, (6, 2, 16), dtype=np.uint8)
case("ms_matmul_4_bits", ms("MatMulNBits", ["x", "w", "s"], K=64, N=6, bits=4, block_size=32),
     {"x": f32(3, 64)}, initializers={"w": packed, "s": np.abs(f32(12))})
case("ms_matmul_4_bits_zero", ms("MatMulNBits", ["x", "w", "s", "z"], K=64, N=6, bits=4, block_size=32), {"x": f32(3, 64)},
     initializers={"w": packed, "s": np.abs(f32(12)), "z": rng.integers(0, 256, (6,), dtype=np.uint8)})
case("ms_dynamic_quantize_matmul", ms("DynamicQuantizeMatMul", ["x", "w", "s", "z", "b"]),
     {"x": f32(3, 8)}, initializers={"w": rng.integers(0, 256, (8, 5), dtype=np.uint8), "s": np.array([0.02], np.float32),
                                    "z": np.array([120], np.uint8), "b": f32(5)})

# ---- older opsets
case("opset7_upsample", std("Upsample", ["x"], mode="nearest", scales=[1.0, 1.0, 2.0, 3.0]), {"x": f32(1, 2, 3, 3)}, opset=7)
case("opset9_upsample_linear", std("Upsample", ["x", "s"], mode="linear"), {"x": f32(1, 2, 3, 3)}, opset=9,
     initializers={"s": np.array([1, 1, 2, 2], np.float32)})
case("opset9_slice_clip", [helper.make_node("Slice", ["x"], ["a"], starts=[1, -3], ends=[9, -1], axes=[0, 1]),
                           std("Clip", ["a"], min=-0.5, max=0.5)], {"x": f32(4, 5)}, opset=9)
case("opset7_batch_norm", std("BatchNormalization", ["x", "s", "b", "m", "v"]), {"x": f32(2, 3, 4)}, opset=7,
     initializers={"s": f32(3), "b": f32(3), "m": f32(3), "v": np.abs(f32(3)) + 1})
case("opset11_softmax_2d", std("Softmax", ["x"], axis=1), {"x": f32(2, 3, 4)}, opset=11)
case("opset10_dropout_topk", [helper.make_node("Dropout", ["x"], ["a"], ratio=0.4), std("TopK", ["a", "k"], 2)],
     {"x": f32(3, 6)}, 2, opset=10, initializers={"k": np.array([2])})
case("opset11_squeeze_reduce", [helper.make_node("ReduceSum", ["x"], ["a"], axes=[1], keepdims=1), std("Squeeze", ["a"], axes=[1])],
     {"x": f32(3, 4)}, opset=11)

# ---- shapes that are inputs, or depend on data
case("reshape_by_input", std("Reshape", ["x", "s"]), {"x": f32(3, 4), "s": np.array([2, -1])})
case("slice_by_inputs", std("Slice", ["x", "a", "b"]), {"x": f32(5, 4), "a": np.array([1]), "b": np.array([-1])})
case("nonzero_then_gather", [helper.make_node("NonZero", ["x"], ["i"]), helper.make_node("Transpose", ["i"], ["t"]),
                             helper.make_node("GatherND", ["x", "t"], ["g"]), std("Mul", ["g", "g"])],
     {"x": np.array([[1, 0, 2], [0, 0, 3]], np.float32)})
case("where_shape", [helper.make_node("ReduceMax", ["n"], ["m"], keepdims=1), helper.make_node("Expand", ["x", "m"], ["e"]),
                     std("Add", ["e", "e"])], {"x": f32(1), "n": np.array([2, 5, 3])})
body = helper.make_graph(
    [helper.make_node("Add", ["s", "x"], ["t"]), helper.make_node("ReduceSum", ["t"], ["total"], keepdims=0),
     helper.make_node("Less", ["total", "limit"], ["go"]), helper.make_node("Identity", ["t"], ["scan"])],
    "body", [helper.make_tensor_value_info("i", TensorProto.INT64, []), helper.make_tensor_value_info("c", TensorProto.BOOL, []),
             helper.make_tensor_value_info("s", TensorProto.FLOAT, [3])],
    [helper.make_tensor_value_info("go", TensorProto.BOOL, []), helper.make_tensor_value_info("t", TensorProto.FLOAT, [3]),
     helper.make_tensor_value_info("scan", TensorProto.FLOAT, [3])])
case("loop_until_with_scan", std("Loop", ["", "c0", "s0"], 2, body=body),
     {"s0": np.zeros(3, np.float32), "x": np.abs(f32(3)) + 0.1}, 2,
     initializers={"c0": np.array(True), "limit": np.array(5, np.float32)})
body2 = helper.make_graph(
    [helper.make_node("Mul", ["s", "x"], ["t"]), helper.make_node("ReduceSum", ["t"], ["total"], keepdims=0),
     helper.make_node("Less", ["total", "limit"], ["go"])],
    "body", [helper.make_tensor_value_info("i", TensorProto.INT64, []), helper.make_tensor_value_info("c", TensorProto.BOOL, []),
             helper.make_tensor_value_info("s", TensorProto.FLOAT, [3])],
    [helper.make_tensor_value_info("go", TensorProto.BOOL, []), helper.make_tensor_value_info("t", TensorProto.FLOAT, [3])])
case("loop_until", std("Loop", ["", "c0", "s0"], body=body2), {"s0": np.ones(3, np.float32), "x": np.abs(f32(3)) + 1.1},
     initializers={"c0": np.array(True), "limit": np.array(50, np.float32)})
then = helper.make_graph([helper.make_node("Exp", ["x"], ["a"])], "then", [], [helper.make_tensor_value_info("a", TensorProto.FLOAT, [3])])
other = helper.make_graph([helper.make_node("Neg", ["x"], ["b"])], "else", [], [helper.make_tensor_value_info("b", TensorProto.FLOAT, [3])])
for flag in (True, False):
    case(f"if_{flag}", std("If", ["c"], then_branch=then, else_branch=other), {"c": np.array(flag), "x": f32(3)})

# ---- functions
leaky = helper.make_function(
    "custom", "Twice", ["a"], ["b"],
    [helper.make_node("Constant", [], ["k"], value_float=2.0), helper.make_node("Mul", ["a", "k"], ["b"])],
    [helper.make_opsetid("", 17)])
case("function", [helper.make_node("Twice", ["x"], ["t"], domain="custom"), helper.make_node("Twice", ["t"], ["y0"], domain="custom")],
     {"x": f32(3)}, functions=[leaky], domains=["custom"])

# ---- recurrent layers with all that they may have
for direction, d in (("forward", 1), ("reverse", 1), ("bidirectional", 2)):
    for before in (0, 1):
        case(f"gru_{direction}_{before}", std("GRU", ["x", "w", "r", "b", "n", "h"], 2, hidden_size=4, direction=direction, linear_before_reset=before),
             {"x": f32(5, 2, 3), "n": np.array([5, 3], np.int32)}, 2,
             initializers={"w": f32(d, 12, 3), "r": f32(d, 12, 4), "b": f32(d, 24), "h": f32(d, 2, 4)})
    case(f"lstm_{direction}", std("LSTM", ["x", "w", "r", "b", "n", "h", "c", "p"], 3, hidden_size=4, direction=direction, clip=1.5),
         {"x": f32(5, 2, 3), "n": np.array([5, 3], np.int32)}, 3,
         initializers={"w": f32(d, 16, 3), "r": f32(d, 16, 4), "b": f32(d, 32), "h": f32(d, 2, 4), "c": f32(d, 2, 4), "p": f32(d, 12)})
    case(f"lstm_plain_{direction}", std("LSTM", ["x", "w", "r", "b"], 3, hidden_size=4, direction=direction), {"x": f32(5, 2, 3)}, 3,
         initializers={"w": f32(d, 16, 3), "r": f32(d, 16, 4), "b": f32(d, 32)})

# ---- quantised networks
case("qdq_conv", [helper.make_node("QuantizeLinear", ["x", "xs", "xz"], ["xq"]), helper.make_node("DequantizeLinear", ["xq", "xs", "xz"], ["xd"]),
                  helper.make_node("DequantizeLinear", ["w", "ws", "wz"], ["wd"], axis=0), std("Conv", ["xd", "wd", "b"], pads=[1, 1, 1, 1])],
     {"x": f32(1, 3, 5, 5)}, initializers={
         "xs": np.array(0.03, np.float32), "xz": np.array(128, np.uint8), "w": rng.integers(-128, 128, (4, 3, 3, 3), dtype=np.int8),
         "ws": np.abs(f32(4)) * 0.01, "wz": np.zeros(4, np.int8), "b": f32(4)})
case("matmul_integer_rows", std("MatMulInteger", ["a", "b", "az", "bz"]),
     {"a": rng.integers(0, 256, (4, 6), dtype=np.uint8), "b": rng.integers(-128, 128, (6, 5), dtype=np.int8)},
     initializers={"az": np.array(7, np.uint8), "bz": rng.integers(-10, 10, (5,), dtype=np.int8)})

with tarfile.open(OUT, "w:gz") as tar:
    for name, data in sorted(files.items()):
        info = tarfile.TarInfo(name)
        info.size = len(data)
        info.mode = 0o644
        tar.addfile(info, io.BytesIO(data))
os.chmod(OUT, 0o644)
print(len({n.split("/")[0] for n in files}), "cases,", os.path.getsize(OUT), "bytes")
