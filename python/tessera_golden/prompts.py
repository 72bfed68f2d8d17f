"""The five prompts that are continued greedily, and the text that is forced."""

from pathlib import Path

HELLO = "Hello, how are you?"
CHAT = "Explain in two sentences why the sky is blue."
CODE = 'def fibonacci(n: int) -> int:\n    """Returns the n-th Fibonacci number."""\n'
UNICODE = (
    "The café in Zürich has a menu in three languages: « thé à la menthe », 緑茶 (りょくちゃ), зелёный чай ☕"
)
NUMBERS = "Three things to pack for 2 days in the mountains:\n1. A map at 1:25,000\n2."


def make_prompts(tokenizer) -> list[str]:
    """The five texts; the second is a conversation if the tokenizer has a chat template."""
    return [HELLO, render_chat(tokenizer, CHAT), CODE, UNICODE, NUMBERS]


def render_chat(tokenizer, message: str) -> str:
    """One user message, up to where the assistant begins. Plain text for a tokenizer without a template."""
    if not tokenizer.chat_template:
        return message
    conversation = [{"role": "user", "content": message}]
    return tokenizer.apply_chat_template(conversation, tokenize=False, add_generation_prompt=True)


def encode(tokenizer, text: str) -> list[int]:
    """The ids of a text, with the tokens that the tokenizer adds itself unless the text begins with them."""
    bos = tokenizer.bos_token
    begins = bool(bos) and text.startswith(bos)
    return tokenizer(text, add_special_tokens=not begins).input_ids


def default_text() -> str:
    """About 520 SmolLM2 tokens of prose with dialogue, numbers and a list."""
    return (Path(__file__).parent / "forced_text.txt").read_text(encoding="utf-8")
