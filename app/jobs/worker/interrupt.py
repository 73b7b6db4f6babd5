"""Raising in another thread: it comes at that thread's next bytecode, wherever that is by then."""

import ctypes
import threading


def raise_in(thread: int, error: type[BaseException]) -> None:
    """Raise in another thread of this process; what waits in C code hears of it afterwards."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))


def withdraw() -> None:
    """Forget what was raised in this thread and has not come yet."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(threading.get_ident()), None)
