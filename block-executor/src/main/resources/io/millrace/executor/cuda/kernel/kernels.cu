// All kernels: one image for a device.
#include "attention.cu"
#include "elementwise.cu"
#include "form.cu"
#include "fp8.cu"
#include "loss.cu"
#include "low_rank.cu"
#include "low_rank_products.cu"
#include "norm.cu"
