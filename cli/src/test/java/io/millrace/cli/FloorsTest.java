package io.millrace.cli;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/**
 * The whole building at once: floors, neighbours who do not know each other, one door a library.
 */
@AnalyzeClasses(packages = "io.millrace", importOptions = ImportOption.DoNotIncludeTests.class)
final class FloorsTest {
    @ArchTest
    static final ArchRule importsGoDownOnly =
            layeredArchitecture()
                    .consideringOnlyDependenciesInLayers()
                    .layer("telemetry")
                    .definedBy("io.millrace.telemetry..")
                    .layer("memory")
                    .definedBy("io.millrace.memory..")
                    .layer("prefetch")
                    .definedBy("io.millrace.prefetch..")
                    .layer("optim")
                    .definedBy("io.millrace.optim..")
                    .layer("model")
                    .definedBy("io.millrace.model..")
                    .layer("executor")
                    .definedBy("io.millrace.executor..")
                    .layer("cli")
                    .definedBy("io.millrace.cli..")
                    .whereLayer("cli")
                    .mayNotBeAccessedByAnyLayer()
                    .whereLayer("executor")
                    .mayOnlyBeAccessedByLayers("cli")
                    .whereLayer("model")
                    .mayOnlyBeAccessedByLayers("executor", "cli")
                    .whereLayer("optim")
                    .mayOnlyBeAccessedByLayers("executor", "cli")
                    .whereLayer("prefetch")
                    .mayOnlyBeAccessedByLayers("executor", "cli")
                    .whereLayer("memory")
                    .mayOnlyBeAccessedByLayers("prefetch", "optim", "model", "executor", "cli")
                    .withOptionalLayers(true);

    @ArchTest static final ArchRule picocliOnlyInCli = door("picocli..", "io.millrace.cli..");

    @ArchTest
    static final ArchRule disruptorOnlyInPrefetch = door("com.lmax..", "io.millrace.prefetch..");

    @ArchTest
    static final ArchRule nettyOnlyInTheNvmeTier =
            door("io.netty..", "io.millrace.memory.nvme.io..");

    @ArchTest
    static final ArchRule chronicleOnlyInTheHostTier =
            door("net.openhft..", "io.millrace.memory.host..");

    @ArchTest
    static final ArchRule bytedecoOnlyWhereDevicesAre =
            door(
                    "org.bytedeco..",
                    "io.millrace.memory.cuda..",
                    "io.millrace.executor.cpu..",
                    "io.millrace.executor.cuda..");

    @ArchTest static final ArchRule djlOnlyInText = door("ai.djl..", "io.millrace.model.text..");

    @ArchTest
    static final ArchRule readersOfTablesOnlyWhereRowsAre =
            noClasses()
                    .that(not(resideInAnyPackage("io.millrace.model.text.row..")))
                    .should()
                    .dependOnClassesThat(
                            resideInAnyPackage(
                                    "dev.hardwood..", "de.siegmar..", "com.github.luben.."))
                    .allowEmptyShould(true);

    @ArchTest
    static final ArchRule jacksonOnlyInJson =
            door("tools.jackson..", "io.millrace.telemetry.json..");

    @ArchTest
    static final ArchRule prometheusOnlyInItsPackage =
            door("io.prometheus..", "io.millrace.telemetry.prometheus..");

    @ArchTest
    static final ArchRule snakeyamlOnlyInRecipes =
            door("org.snakeyaml..", "io.millrace.executor.config.recipe..");

    @ArchTest
    static final ArchRule packagesDoNotGoRoundInCircles =
            slices().matching("io.millrace.(**)").should().beFreeOfCycles();

    private static ArchRule door(String library, String... rooms) {
        return noClasses()
                .that(not(resideInAnyPackage(rooms)))
                .should()
                .dependOnClassesThat(resideInAPackage(library))
                .allowEmptyShould(true);
    }
}
