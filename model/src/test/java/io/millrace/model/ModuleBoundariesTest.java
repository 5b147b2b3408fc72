package io.millrace.model;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(
        packages = "io.millrace.model",
        importOptions = ImportOption.DoNotIncludeTests.class)
class ModuleBoundariesTest {
    @ArchTest
    static final ArchRule usesOnlyTheFloorsBelow =
            classes()
                    .should()
                    .onlyDependOnClassesThat()
                    .resideInAnyPackage(
                            "io.millrace.model..",
                            "io.millrace.memory..",
                            "io.millrace.telemetry..",
                            "java..",
                            "jdk.incubator.vector..",
                            "ai.djl..",
                            "dev.hardwood..",
                            "de.siegmar.fastcsv..",
                            "com.github.luben.zstd..");

    @ArchTest
    static final ArchRule keepsReadersOfTablesWhereRowsAre =
            noClasses()
                    .that()
                    .resideOutsideOfPackage("io.millrace.model.text.row..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "dev.hardwood..", "de.siegmar.fastcsv..", "com.github.luben.zstd..");

    @ArchTest
    static final ArchRule keepsTokenizersInText =
            noClasses()
                    .that()
                    .resideOutsideOfPackage("io.millrace.model.text..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage("ai.djl..");

    @ArchTest
    static final ArchRule describesDecodersWithoutReadingFiles =
            noClasses()
                    .that()
                    .resideInAPackage("io.millrace.model.spec..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "io.millrace.model",
                            "io.millrace.model.architecture..",
                            "io.millrace.model.config..",
                            "io.millrace.model.file..",
                            "io.millrace.model.text..");
}
