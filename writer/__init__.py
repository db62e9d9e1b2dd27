"""The concept diffusion writer: plan items to sentence concepts, and concepts to text."""

from writer.generate import Drafts, WriteOptions, Writer, WritingPlan, WritingTask, WrittenSection

__all__ = ["Drafts", "WriteOptions", "Writer", "WritingPlan", "WritingTask", "WrittenSection"]
