/**
 * NVIDIA devices: the driver calls that Millrace makes, behind one interface, and the device built
 * on them.
 *
 * <pre>
 *   CudaDevice, CudaStream, CudaEvent, CudaArena
 *            |
 *         CudaApi --- the driver, by Bytedeco's presets; nothing is loaded before a device is asked for
 *            '------- a fake that executes on host memory, in the test-jar
 * </pre>
 *
 * <p>This package and {@code io.millrace.executor.cuda} are the only ones that may import {@code
 * org.bytedeco.cuda}.
 */
package io.millrace.memory.cuda;
