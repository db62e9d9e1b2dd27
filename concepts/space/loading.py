"""Loading the models of a space by card, on a device and in a number format, after a check of the memory."""

from __future__ import annotations

import copy
import zipfile
from typing import TYPE_CHECKING, Any, Literal, cast

import torch

from concepts.models.memory import check_memory
from concepts.models.published import asset_cards
from concepts.models.runtime import start_fairseq2

if TYPE_CHECKING:
    from fairseq2.assets import AssetCard
    from fairseq2.models import ModelFamily
    from sonar.models.sonar_translation import SonarEncoderDecoderModel
    from sonar.nn.conditional_decoder_model import ConditionalTransformerDecoderModel
    from torch.nn import Module

    from concepts.models.card import ModelCard


def count_parameters(card: AssetCard) -> int:
    """Return the number of parameters of the model that a card describes; allocates none of them."""
    from fairseq2.gang import create_fake_gangs

    family = _family(card)
    config = copy.deepcopy(family.get_model_config(card))  # sonar-space's factory changes it
    gangs = create_fake_gangs(torch.device("cpu"))
    model = family.create_new_model(config, gangs, torch.float32, True, False)
    return sum(parameter.numel() for parameter in model.parameters())


def measure_space(card: ModelCard, device: torch.device, dtype: torch.dtype) -> str:
    """Return a line on the memory that a space's models take; raise ModelError if less is free."""
    num_parameters = sum(count_parameters(part) for part in asset_cards(card))
    return check_memory(f"the space {card.name}", num_parameters, dtype, device)


def load_part(card: AssetCard, device: torch.device, dtype: torch.dtype) -> Module:
    """Return the model of a card; a checkpoint in torch's own format is memory-mapped.

    fairseq2's default loading holds the file's bytes and its tensors in memory beside the model: three times the
    size of the weights.
    """
    from fairseq2.assets import AssetDownloadManager
    from fairseq2.gang import create_fake_gangs

    manager = start_fairseq2().resolve(AssetDownloadManager)  # type: ignore[type-abstract]
    path = manager.download_model(card.field("checkpoint").as_uri(), local_only=True)
    mmap = path.suffix == ".pt" and zipfile.is_zipfile(path)
    # A meta-device model takes no memory twice but imports torch's compiler, which takes a second: not worth it for a
    # small space, whose random initial weights are simply overwritten.
    family = _family(card, supports_meta=mmap)
    with torch.random.fork_rng(devices=[]):
        return family.load_model(card, create_fake_gangs(device), dtype, None, False, mmap)


def draft_model(decoder: ConditionalTransformerDecoderModel) -> SonarEncoderDecoderModel:
    """Return sonar-space's model of a decoder that reads a concept alone or followed by its English draft's states.

    Its inputs are (N, D), or (N, 1 + S, D) with each row's length in the batch layout.
    """
    from fairseq2.models.transformer.model import _TransformerModelState
    from fairseq2.nn import BatchLayout, IncrementalStateBag
    from sonar.models.sonar_translation import SonarEncoderDecoderModel
    from sonar.models.sonar_translation.model import DummyEncoderModel

    class DraftModel(SonarEncoderDecoderModel):  # type: ignore[misc]  # final, yet made to be used so
        def encode(self, seqs: torch.Tensor, seqs_layout: BatchLayout) -> torch.Tensor:
            return seqs.unsqueeze(1) if seqs.ndim == 2 else seqs

        def forward(  # type: ignore[override]  # as in sonar-space
            self,
            source_seqs: torch.Tensor,
            source_seqs_layout: BatchLayout,
            target_seqs: torch.Tensor,
            target_seqs_layout: BatchLayout,
            *,
            state_bag: IncrementalStateBag | None = None,
        ) -> torch.Tensor:
            # sonar-space assumes that all rows of an encoder's output are equally long.
            state = None if state_bag is None else state_bag.maybe_get_state(self, _TransformerModelState)
            if state_bag is not None and state is None and source_seqs.ndim == 3:
                state_bag.set_state(self, _TransformerModelState(source_seqs, source_seqs_layout))
            logits: torch.Tensor = super().forward(
                source_seqs, source_seqs_layout, target_seqs, target_seqs_layout, state_bag=state_bag
            )
            return logits

    return DraftModel(DummyEncoderModel(), decoder).eval()


def _family(card: AssetCard, *, supports_meta: bool = True) -> ModelFamily:
    """Return sonar-space's model family of a card, with a converter that reads fairseq's names and extensions too.

    `supports_meta`: whether models are made on the meta device first. Progress bars are off: they would mix with ours.
    """
    import sonar.models.sonar_speech as speech
    import sonar.models.sonar_text as text
    from fairseq2.models import ModelFamily, StandardModelFamily
    from fairseq2.runtime.dependency import DependencyLookup, wire_object
    from fairseq2.utils.progress import NOOP_PROGRESS_REPORTER

    resolver = start_fairseq2()
    name = card.field("model_family").as_(str)
    family = resolver.resolve(ModelFamily, key=name)  # type: ignore[type-abstract]
    create: Any
    convert: Any
    if name == text.SONAR_TEXT_ENCODER_FAMILY:
        create = text._create_sonar_text_encoder_model
        convert = _reading("encoder", text._convert_sonar_text_encoder_checkpoint)
    elif name == text.SONAR_TEXT_DECODER_FAMILY:
        create = text._create_sonar_text_decoder_model
        convert = _reading("decoder", text._convert_sonar_text_decoder_checkpoint)
    else:
        create = speech._create_sonar_speech_encoder_model
        convert = speech._convert_sonar_speech_checkpoint
    return wire_object(
        resolver,
        StandardModelFamily,
        name=name,
        kls=family.kls,
        configs=DependencyLookup(resolver, family.config_kls),
        factory=create,
        supports_meta=supports_meta,
        restrict=True,
        state_dict_converter=convert,
        shard_specs=None,
        compiler=None,
        fsdp_applier=None,
        layerwise_ac_applier=None,
        progress_reporter=NOOP_PROGRESS_REPORTER,
    )


def _reading(part: Literal["encoder", "decoder"], convert: Any) -> Any:
    from concepts.models.quantize import dequantize, is_quantized
    from concepts.space.extension import is_packed, unpack
    from concepts.space.fairseq1 import from_fairseq1, is_fairseq1

    def read(state_dict: dict[str, object], config: object) -> dict[str, object]:
        if is_fairseq1(state_dict):
            return from_fairseq1(state_dict, part)
        if is_packed(state_dict):
            return dict(unpack(cast("dict[str, torch.Tensor]", state_dict), part))
        whole = (
            dequantize(cast("dict[str, torch.Tensor]", state_dict))
            if is_quantized(state_dict)
            else state_dict
        )
        return cast("dict[str, object]", convert(whole, config))

    return read
