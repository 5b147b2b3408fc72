package io.millrace.memory.nvme;

import io.millrace.memory.host.HostMemory;
import io.millrace.memory.nvme.io.FileIo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A store that has two of the blocks, in front of the files. */
final class LayeredSourceTest extends BlockSourceContract {
    @Override
    protected Opened open(Path place, HostMemory host) throws IOException {
        FileIo io = ContractSources.io(place);
        OriginalReader reader = ContractSources.original(place, io, host);
        Path folder = Files.createDirectory(place.resolve("store"));
        BlockStore store =
                BlockStore.open(StoreConfig.of(folder, ContractSources.SIZES, 42), io, host);
        List<Expected> blocks = new ArrayList<>(ContractSources.blocks(0));
        for (int block : new int[] {1, 3}) {
            ContractSources.write(store, host, block, 5);
            blocks.set(block, ContractSources.blocks(5).get(block));
        }
        return new Opened(
                new LayeredSource(List.of(store, reader)),
                blocks,
                () -> {
                    store.close();
                    reader.close();
                    io.close();
                });
    }
}
