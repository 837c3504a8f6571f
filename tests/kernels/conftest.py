import pytest

from shiftscope.kernels import LAYERS, choose


@pytest.fixture(params=LAYERS)
def kernels(request):
    return choose("cpu", request.param)
