// All kernels: one image for a device.
#include "attention.cu"
#include "elementwise.cu"
#include "form.cu"
#include "loss.cu"
#include "norm.cu"
