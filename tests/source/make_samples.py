#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes one small file of each model format with the libraries that define the formats.

    python3 -m venv V && V/bin/pip install onnx safetensors gguf tflite flatbuffers numpy
    V/bin/python tests/source/make_samples.py tests/source/corpus/format

The files are kept; this program is run again where a format or a library has changed.
"""
import io
import pathlib
import sys
import zipfile

import flatbuffers
import gguf
import numpy
import onnx
import safetensors.numpy
import tflite

WEIGHTS = numpy.arange(24, dtype=numpy.float32).reshape(4, 6)


def pytorch(wide):
    """The layout of torch.save: stored entries below one directory."""
    text = io.BytesIO()
    with zipfile.ZipFile(text, "w", zipfile.ZIP_STORED) as archive:
        for name, content in (("data.pkl", b"\x80\x02}q\x00."), ("byteorder", b"little"),
                              ("data/0", WEIGHTS.tobytes()), ("version", b"3\n")):
            info = zipfile.ZipInfo(f"archive/{name}", (1980, 1, 1, 0, 0, 0))
            with archive.open(info, "w", force_zip64=wide) as entry:
                entry.write(content)
    return text.getvalue()


def onnx_model():
    helper = onnx.helper
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "graph",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 6])],
        [onnx.numpy_helper.from_array(WEIGHTS, "w")])
    model = helper.make_model(graph, producer_name="sample")
    onnx.checker.check_model(model)
    return model.SerializeToString()


def tflite_buffer(builder, data):
    vector = builder.CreateByteVector(data) if data else None
    tflite.BufferStart(builder)
    if vector:
        tflite.BufferAddData(builder, vector)
    return tflite.BufferEnd(builder)


def tflite_vector(builder, start, items):
    start(builder, len(items))
    for item in reversed(items):
        builder.PrependUOffsetTRelative(item)
    return builder.EndVector()


def tflite_model():
    builder = flatbuffers.Builder(256)
    buffers = tflite_vector(builder, tflite.ModelStartBuffersVector,
                            [tflite_buffer(builder, b""), tflite_buffer(builder, WEIGHTS.tobytes())])
    name = builder.CreateString("main")
    tflite.SubGraphStart(builder)
    tflite.SubGraphAddName(builder, name)
    subgraph = tflite.SubGraphEnd(builder)
    subgraphs = tflite_vector(builder, tflite.ModelStartSubgraphsVector, [subgraph])
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, 3)
    tflite.ModelAddSubgraphs(builder, subgraphs)
    tflite.ModelAddBuffers(builder, buffers)
    builder.Finish(tflite.ModelEnd(builder), b"TFL3")
    return bytes(builder.Output())


def gguf_model(directory):
    path = directory / "made.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_string("general.name", "sample")
    writer.add_uint32("llama.block_count", 1)
    writer.add_array("tokenizer.ggml.tokens", ["<s>", "</s>", "a"])
    writer.add_array("tokenizer.ggml.scores", [0.0, 0.5, 1.0])
    writer.add_custom_alignment(64)
    writer.add_tensor("weights", WEIGHTS)
    writer.add_tensor("half", WEIGHTS.astype(numpy.float16))
    writer.add_tensor("packed", gguf.quants.quantize(
        numpy.ones((1, 64), numpy.float32), gguf.GGMLQuantizationType.Q8_0),
        raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    content = path.read_bytes()
    path.unlink()
    return content


def main():
    directory = pathlib.Path(sys.argv[1])
    samples = {
        "plain.pt": pytorch(False),
        "wide.pt": pytorch(True),
        "model.onnx": onnx_model(),
        "model.tflite": tflite_model(),
        "model.safetensors": safetensors.numpy.save(
            {"weights": WEIGHTS, "bias": WEIGHTS[0]}, {"format": "np"}),
        "model.gguf": gguf_model(directory),
    }
    for name, content in samples.items():
        (directory / name).write_bytes(content)
        print(f"{name}: {len(content)} bytes")


if __name__ == "__main__":
    main()
