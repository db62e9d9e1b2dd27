"""The concept diffusion writer: plan items to sentence concepts, and concepts to text."""

from writer.generate import WriteOptions, Writer, WritingPlan, WritingTask, WrittenSection

__all__ = ["WriteOptions", "Writer", "WritingPlan", "WritingTask", "WrittenSection"]
