"""From a click to the pixels of the object that was clicked on.

`picture.look` looks at a part of an image once; `nearest.propose` answers each click on it in a few hundredths of a
second, from the features of a pretrained network, before any model is trained. `segment_anything` does the same with
ONNX files of the operator. Pure: arrays in, arrays out. Does not know rows, nor who clicked.
"""
