"""All folders: a config.json as the hub has it for the family, only smaller, and what to record.

The keys are those of real checkpoints, in the form that they have there: most of the hub was written by
transformers 4 (rope_theta, rope_scaling, torch_dtype); gemma3_new and llama_yarn have the rope_parameters of
transformers 5. Sizes are off the tile of 32, windows and original contexts are shorter than the recorded
prompt, and there are as many layers as a family's alternation needs.
"""

from family_checkpoints.dense import DENSE
from family_checkpoints.experts import EXPERTS
from family_checkpoints.family import Family
from family_checkpoints.gemma import GEMMA
from family_checkpoints.layer_norm import LAYER_NORM
from family_checkpoints.llama import LLAMA

FAMILIES: dict[str, Family] = LLAMA | DENSE | GEMMA | LAYER_NORM | EXPERTS
